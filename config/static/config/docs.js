"use strict";
{
    // The stylesheet of Swagger UI is dark when the page has this class.
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
    dark.addEventListener("change", follow);
    follow();

    // Swagger UI draws the operations after the browser has moved to the anchor, and so pushes the anchor down.
    const keepInView = new ResizeObserver(() => document.querySelector(":target")?.scrollIntoView());
    window.addEventListener("DOMContentLoaded", () => keepInView.observe(document.getElementById("swagger-ui")));
    for (const action of ["keydown", "pointerdown", "touchstart", "wheel"]) {
        window.addEventListener(action, () => keepInView.disconnect(), { passive: true });
    }

    // Swagger UI disables the button while the request is on its way, and a disabled button loses the focus.
    window.addEventListener("click", ({ target }) => {
        const button = target.closest(".execute");
        if (!button) return;
        const enabled = new MutationObserver(() => {
            if (button.disabled) return;
            enabled.disconnect();
            if (document.activeElement === document.body) button.focus();
        });
        enabled.observe(button, { attributeFilter: ["disabled"] });
    });
}
