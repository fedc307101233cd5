"use strict";
{
    // The stylesheet of Swagger UI is dark when the page has this class.
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
    dark.addEventListener("change", follow);
    follow();

    // A library in its bundle would scroll to anchors in its own way, without opening the section that an anchor is in.
    window.noZensmooth = true;

    // Swagger UI reads and rewrites the fragment of the address. It gets its own ("#/tasks/create_task") only.
    const { hash, pathname, search } = window.location;
    const anchor = hash.startsWith("#/") ? "" : hash;
    if (anchor) window.history.replaceState(null, "", pathname + search);

    window.addEventListener("DOMContentLoaded", () => {
        if (anchor) window.location.replace(anchor);
        const swagger = document.getElementById("swagger-ui");
        // It draws the operations later, which pushes the anchor down.
        const drawn = new ResizeObserver(() => document.querySelector(":target")?.scrollIntoView());
        drawn.observe(swagger);
        for (const action of ["keydown", "pointerdown", "wheel"]) {
            window.addEventListener(action, () => drawn.disconnect(), { once: true, passive: true });
        }
        // It gives these no name for people who hear the page.
        const names = { "textarea.body-param__text": "Request body", "select.examples-select-element": "Example" };
        const named = new MutationObserver(() => {
            for (const [field, name] of Object.entries(names)) {
                for (const each of swagger.querySelectorAll(field)) each.ariaLabel = name;
            }
        });
        named.observe(swagger, { childList: true, subtree: true });
    });

    const click = ({ target }) => {
        // It opens every link of a description in a new tab, one to this page too.
        target.closest(`a[href^="${pathname}#"]`)?.removeAttribute("target");
        // It disables the button while the request is on its way, and a disabled button loses the focus.
        const button = target.closest(".execute");
        const enabled = new MutationObserver(() => {
            if (button.disabled) return;
            enabled.disconnect();
            if (document.activeElement === document.body) button.focus();
        });
        if (button) enabled.observe(button, { attributeFilter: ["disabled"] });
    };
    window.addEventListener("click", click, { capture: true });
}
