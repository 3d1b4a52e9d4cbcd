// A bar at the top while the next page is on its way, for pages that take longer than one notices.
const NOTICED = 250;

export function showWork(page) {
  let timer = 0;
  const begin = () => {
    clearTimeout(timer);
    timer = setTimeout(() => page.documentElement.classList.add("web-working"), NOTICED);
  };
  page.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    const other = event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || other || link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    const here = link.pathname === location.pathname && link.search === location.search;
    if (!here && !new URLSearchParams(link.search).has("format")) begin();
  });
  page.addEventListener("submit", begin);
  addEventListener("pageshow", () => {
    clearTimeout(timer);
    page.documentElement.classList.remove("web-working");
  });
}
