"use strict";
// The key "/" leads to the search of the page, or else of the tasks.
document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const box = document.getElementById("searchbar");
    const tasks = document.querySelector("#main-menu nav a[href$='/tasks/task/']");
    if (box) box.focus();
    else if (tasks) location.assign(`${tasks.href}#searchbar`);
});
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
