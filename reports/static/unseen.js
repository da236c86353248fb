// Text of a model: its unseen characters are named instead of obeyed. The pattern stands in front of this file.
function shown(text) {
  const parts = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (match[1] === undefined) continue;
    const mark = document.createElement("span");
    mark.className = "unseen";
    mark.textContent = `U+${match[1].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    parts.append(text.slice(end, match.index), mark);
    end = match.index + match[0].length;
  }
  parts.append(text.slice(end));
  return parts;
}

// Text that scrolls can be reached with the keyboard; what does not scroll is no stop on the way.
function reachable(element) {
  for (const pre of element.querySelectorAll("pre")) {
    if (pre.scrollHeight > pre.clientHeight || pre.scrollWidth > pre.clientWidth) pre.tabIndex = 0;
  }
}
