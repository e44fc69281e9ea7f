//! Parts of forms: each field has a label, a hint, and room for what is wrong with it.

use maud::{Markup, html};
use mplus_sync::model::Revision;

use super::Lang;
use crate::text::{Text, frame};

/// One field of a form.
pub(crate) struct Field<'f> {
    lang: Lang,
    name: &'f str,
    label: String,
    kind: &'f str,
    value: String,
    hint: Option<String>,
    wrong: Option<String>,
    required: bool,
    complete: Option<&'f str>,
    mode: Option<&'f str>,
}

impl<'f> Field<'f> {
    /// A line of text.
    pub(crate) fn text(lang: Lang, name: &'f str, label: Text) -> Self {
        Self::called(lang, name, lang[label].to_owned())
    }

    /// A line of text with a label that is put together.
    pub(crate) fn called(lang: Lang, name: &'f str, label: String) -> Self {
        Self {
            lang,
            name,
            label,
            kind: "text",
            value: String::new(),
            hint: None,
            wrong: None,
            required: false,
            complete: None,
            mode: None,
        }
    }

    pub(crate) fn kind(self, kind: &'f str) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn value(self, value: impl ToString) -> Self {
        Self { value: value.to_string(), ..self }
    }

    pub(crate) fn hint(self, hint: Text) -> Self {
        Self { hint: Some(self.lang[hint].to_owned()), ..self }
    }

    pub(crate) fn wrong(self, wrong: Option<impl Into<String>>) -> Self {
        Self { wrong: wrong.map(Into::into), ..self }
    }

    pub(crate) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// What a browser may fill in.
    pub(crate) fn complete(self, what: &'f str) -> Self {
        Self { complete: Some(what), ..self }
    }

    /// Which keyboard a phone shows.
    pub(crate) fn mode(self, mode: &'f str) -> Self {
        Self { mode: Some(mode), ..self }
    }

    pub(crate) fn show(self) -> Markup {
        let id = format!("field-{}", self.name);
        let (hint_id, wrong_id) = (format!("{id}-hint"), format!("{id}-wrong"));
        let described = match (&self.hint, &self.wrong) {
            (Some(_), Some(_)) => Some(format!("{hint_id} {wrong_id}")),
            (Some(_), None) => Some(hint_id.clone()),
            (None, Some(_)) => Some(wrong_id.clone()),
            (None, None) => None,
        };
        let invalid = self.wrong.as_ref().map(|_| "true");
        html! {
            div.field {
                label for=(id) { (self.label) }
                @if self.kind == "area" {
                    textarea id=(id) name=(self.name) rows="3" aria-describedby=[described] aria-invalid=[invalid] { (self.value) }
                } @else {
                    input id=(id) name=(self.name) type=(self.kind) value=(self.value) required[self.required]
                        autocomplete=[self.complete.or(Some("off"))] inputmode=[self.mode]
                        aria-describedby=[described] aria-invalid=[invalid];
                }
                @if let Some(hint) = &self.hint { p.hint id=(hint_id) { (hint) } }
                @if let Some(wrong) = &self.wrong { p.wrong id=(wrong_id) { (wrong) } }
            }
        }
    }
}

/// Which state of a record a form is made of.
pub(crate) fn revision(of: Revision) -> Markup {
    html! { input type="hidden" name="revision" value=(of.get()); }
}

/// Says that somebody else has saved what a form is about since it was opened, and where that is seen.
pub(crate) fn meanwhile(lang: Lang, path: &str) -> Markup {
    html! {
        div.notice.bad role="alert" {
            strong { (&lang[frame::MEANWHILE]) }
            p { (&lang[frame::MEANWHILE_ABOUT]) " " a href=(path) { (&lang[frame::MEANWHILE_LOOK]) } }
        }
    }
}

/// A box to tick.
pub(crate) fn tick(lang: Lang, name: &str, label: Text, hint: Option<Text>, is_on: bool) -> Markup {
    let id = format!("field-{name}");
    let hint_id = format!("{id}-hint");
    html! {
        div.field.tick {
            input id=(id) name=(name) type="checkbox" value="on" checked[is_on] aria-describedby=[hint.map(|_| &hint_id)];
            label for=(id) { (&lang[label]) }
            @if let Some(hint) = hint { p.hint id=(hint_id) { (&lang[hint]) } }
        }
    }
}

/// One choice of several.
pub(crate) fn choose(
    lang: Lang,
    name: &str,
    label: Text,
    options: &[(String, String)],
    chosen: &str,
) -> Markup {
    let id = format!("field-{name}");
    html! {
        div.field {
            label for=(id) { (&lang[label]) }
            select id=(id) name=(name) {
                @for (value, word) in options { option value=(value) selected[value == chosen] { (word) } }
            }
        }
    }
}
