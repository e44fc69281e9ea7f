// Only makes things nicer: every page works without it.
"use strict";

// A sync that runs: its steps move as they go, and the page loads again when it ended.
const progress = document.getElementById("progress");
if (progress && window.EventSource) {
    const events = new EventSource(progress.dataset.events);
    events.onmessage = (event) => JSON.parse(event.data).forEach(show);
    events.addEventListener("ended", () => { events.close(); location.reload(); });
} else if (document.querySelector("main[data-reload]")) {
    lookAgain(content(document));
}

// What waits for something else is looked at once a second, and loaded when there is something else to see: until then whoever works
// with keys or a screen reader keeps their place.
function lookAgain(shown) {
    setTimeout(async () => {
        const isOther = await looksOther(shown).catch(() => false);
        if (isOther) location.reload(); else lookAgain(shown);
    }, 1000);
}

async function looksOther(shown) {
    const answer = await fetch(location.href, { redirect: "manual" });
    if (answer.type === "opaqueredirect") return true;
    // What does not work now may work in a moment.
    if (answer.status >= 500) return false;
    return content(new DOMParser().parseFromString(await answer.text(), "text/html")) !== shown;
}

// What a page shows, without what it says once.
function content(page) {
    const main = page.getElementById("content").cloneNode(true);
    for (const once of main.querySelectorAll("[data-once]")) once.remove();
    return main.innerHTML;
}

function show(step) {
    let row = document.getElementById(step.id);
    if (!row) {
        row = document.createElement("li");
        row.id = step.id;
        row.append(document.createElement("span"), document.createElement("progress"), document.createElement("span"));
        row.lastChild.className = "count";
        document.getElementById("steps").append(row);
    }
    const [name, bar, count] = row.children;
    name.textContent = step.name;
    bar.setAttribute("aria-label", step.name);
    if (step.expected) { bar.max = step.expected; bar.value = step.done; } else { bar.removeAttribute("value"); }
    count.textContent = step.text;
}

// One box ticks all boxes of its table.
for (const all of document.querySelectorAll("input[data-all]")) {
    all.addEventListener("change", () => {
        for (const box of document.querySelectorAll(`input[name="${all.dataset.all}"]`)) box.checked = all.checked;
    });
}

// A form that was sent is not sent twice.
document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => delete form.dataset.sent));
