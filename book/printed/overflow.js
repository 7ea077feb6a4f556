/* Names what sticks out of the paper's text block, and what a box of its own cuts off. */
() => {
  const found = [];
  const told = (one) => `${one.closest("section")?.id} <${one.tagName.toLowerCase()} class="${one.getAttribute("class") || ""}"> ${(one.textContent || "").trim().slice(0, 50)}`;
  for (const section of document.querySelectorAll("section.edition-page")) {
    const right = section.getBoundingClientRect().right + 1;
    for (const one of section.querySelectorAll("table, pre, figure, svg:not(svg svg), math, p, ul, ol, dl, h1, h2, h3, td, code, svg text")) {
      const box = one.getBoundingClientRect();
      if (box.width && box.right > right) found.push(`sticks out: ${told(one)}`);
    }
    // Words that do not break run out of a box that keeps its width.
    for (const one of section.querySelectorAll("div, p, li, dt, dd, pre, figure, figcaption, th, td, h1, h2, h3, h4")) {
      if (one.clientWidth <= 1 || one.scrollWidth <= one.clientWidth + 1) continue;
      const hides = getComputedStyle(one).overflowX !== "visible";
      if (hides) found.push(`cut off: ${told(one)}`);
      else if (one.getBoundingClientRect().left + one.scrollWidth > right) found.push(`sticks out: ${told(one)}`);
    }
  }
  return found;
}
