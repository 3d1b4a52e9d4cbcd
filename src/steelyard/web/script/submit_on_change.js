// A choice from a list is asked for at once. Dates and words are not: one types them in parts, and then presses Enter.
export function submitOnChange(page) {
  for (const form of page.querySelectorAll("form.web-form[method=get]")) {
    form.addEventListener("change", (event) => {
      if (event.target instanceof HTMLSelectElement) form.requestSubmit();
    });
  }
}
