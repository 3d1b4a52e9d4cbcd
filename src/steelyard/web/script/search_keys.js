// "/" and Ctrl+K (Command+K) lead to the search box; Escape leads back to where one was.
export function searchKeys(page) {
  const box = page.querySelector("#search");
  if (!box) return;
  let before = null;
  page.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
    const chord = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!slash && !chord) return;
    event.preventDefault();
    before = page.activeElement;
    box.focus();
    box.select();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.blur();
    if (before instanceof HTMLElement) before.focus();
  });
}
