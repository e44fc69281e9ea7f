// Rules for pages that people reach with a keyboard or a screen reader, by hand, where axe-core cannot be had.
// It answers in axe-core's form: axe.run() gives { violations: [{ id, impact, nodes: [{ html }] }] }.
"use strict";

window.axe = {
    run: async () => {
        const found = new Map();
        const wrong = (id, element) => {
            if (!found.has(id)) found.set(id, { id, impact: "serious", nodes: [] });
            found.get(id).nodes.push({ html: element ? element.outerHTML.slice(0, 200) : document.location.pathname });
        };
        const all = (css) => [...document.querySelectorAll(css)];
        const text = (element) => (element.textContent || "").trim();
        const referenced = (element, attribute) =>
            (element.getAttribute(attribute) || "").split(/\s+/).filter(Boolean).map((id) => document.getElementById(id));
        // What a screen reader says of it.
        const name = (element) =>
            (element.getAttribute("aria-label") || "").trim()
            || referenced(element, "aria-labelledby").map((label) => (label ? text(label) : "")).join(" ").trim()
            || [...(element.labels || [])].map(text).join(" ").trim()
            || (element.matches("button, a, summary") ? text(element) : "")
            || [...element.querySelectorAll("img[alt]")].map((image) => image.alt).join(" ").trim()
            || (element.getAttribute("title") || "").trim();

        if (!document.documentElement.lang) wrong("html-has-lang", document.documentElement);
        if (!document.title.trim()) wrong("document-title", null);
        if (all("main").length !== 1) wrong("landmark-one-main", null);
        if (all("h1").length !== 1) wrong("page-has-heading-one", null);
        let level = 0;
        for (const heading of all("h1, h2, h3, h4, h5, h6")) {
            const next = Number(heading.tagName[1]);
            if (level && next > level + 1) wrong("heading-order", heading);
            if (!text(heading)) wrong("empty-heading", heading);
            level = next;
        }
        all("img:not([alt])").forEach((image) => wrong("image-alt", image));
        all("input:not([type=hidden]), select, textarea").filter((field) => !name(field)).forEach((field) => wrong("label", field));
        all("button, summary").filter((button) => !name(button)).forEach((button) => wrong("button-name", button));
        all("a[href]").filter((link) => !name(link)).forEach((link) => wrong("link-name", link));
        all("progress, meter").filter((bar) => !name(bar)).forEach((bar) => wrong("aria-progressbar-name", bar));
        const seen = new Set();
        for (const element of all("[id]")) {
            if (seen.has(element.id)) wrong("duplicate-id", element);
            seen.add(element.id);
        }
        for (const attribute of ["aria-labelledby", "aria-describedby", "for"]) {
            for (const element of all(`[${attribute}]`)) {
                if (referenced(element, attribute).includes(null)) wrong("aria-valid-attr-value", element);
            }
        }
        all("[tabindex]").filter((element) => element.tabIndex > 0).forEach((element) => wrong("tabindex", element));
        all("table").filter((table) => !table.querySelector("th")).forEach((table) => wrong("table-has-header", table));
        all("ul > :not(li), ol > :not(li)").forEach((child) => wrong("list", child));
        all("dl > :not(dt, dd, div)").forEach((child) => wrong("definition-list", child));
        all("fieldset").filter((group) => !group.querySelector("legend")).forEach((group) => wrong("fieldset-legend", group));
        return { violations: [...found.values()] };
    },
};
