// Only makes things nicer: every page works without it.
"use strict";

// A sync that runs: its steps move as they go, and the page loads again when it ended.
const progress = document.getElementById("progress");
if (progress && window.EventSource) {
    const events = new EventSource(progress.dataset.events);
    events.onmessage = (event) => JSON.parse(event.data).forEach(show);
    events.addEventListener("ended", () => { events.close(); location.reload(); });
} else if (document.querySelector("main[data-reload]")) {
    // What waits for something else is looked at again.
    setTimeout(() => location.reload(), 1000);
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
