//! Where a value stands in the body.

/// The names on the way to a value, joined only when somebody has to be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
    depth: usize,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Field(&'p str),
    Item(usize),
}

impl<'p> Path<'p> {
    pub(crate) const ROOT: Path<'static> = Path { parent: None, step: Step::Field(""), depth: 0 };

    pub(crate) fn field(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Field(name), depth: self.depth + 1 }
    }

    pub(crate) fn item(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Item(index), depth: self.depth }
    }

    /// How many objects it lies within.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn text(&self) -> String {
        let mut text = self.parent.map(Path::text).unwrap_or_default();
        match self.step {
            Step::Item(index) => text.push_str(&format!("[{index}]")),
            Step::Field(name) => {
                if !text.is_empty() && !name.is_empty() {
                    text.push('.');
                }
                // A name is as long as its sender likes.
                text.push_str(cut(name, 64));
            }
        }
        text
    }
}

/// The beginning of a text, at most so many bytes.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn a_path_reads_like_a_program_would_write_it() {
        let session = Path::ROOT.field("session");
        let lines = session.field("lines");
        let line = lines.item(3);
        assert_eq!(line.field("priceIncl").text(), "session.lines[3].priceIncl");
        assert_eq!(Path::ROOT.text(), "");
    }
}
