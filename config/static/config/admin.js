"use strict";
// Adds the names that screen readers need to elements which Django's scripts create without one.
window.django?.jQuery?.(() => {
    for (const select of document.querySelectorAll("select.admin-autocomplete")) {
        const box = select.nextElementSibling?.querySelector(".select2-search__field");
        box?.setAttribute("aria-label", select.ariaLabel ?? select.labels[0]?.textContent.replace(/:\s*$/, "") ?? "");
    }
});
window.addEventListener("load", () => {
    for (const hint of document.querySelectorAll(".help-tooltip[aria-label]")) hint.setAttribute("role", "img");
});
