"use strict";
for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
        const field = document.getElementById(button.dataset.copy);
        field.select();
        // A page that was loaded over plain HTTP from another machine has no navigator.clipboard; execCommand works there.
        const done = navigator.clipboard
            ? await navigator.clipboard.writeText(field.value).then(() => true, () => false)
            : document.execCommand("copy");
        document.getElementById("copied").textContent = done ? "Copied." : "Could not copy. It is selected: press Ctrl+C or Cmd+C.";
    });
}
