// A button that copies the address: the one of exactly these numbers where the page has it, else the page's own.
export function copyLink(page) {
  const place = page.querySelector(".web-footer .web-links");
  if (!place || !navigator.clipboard) return;
  const exact = page.querySelector('main a[href*="as_of="]');
  const button = page.createElement("button");
  button.type = "button";
  button.className = "web-copy";
  button.textContent = exact ? "Copy a link to exactly these numbers" : "Copy a link to this page";
  const said = page.createElement("span");
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(exact ? exact.href : location.href);
      said.textContent = "Copied";
    } catch {
      said.textContent = "The browser did not allow it";
    }
  });
  place.prepend(button, said);
}
