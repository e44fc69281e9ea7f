//! The chapters as text.

use std::fs;
use std::path::{Path, PathBuf};

/// A chapter.
pub(crate) struct Chapter {
    pub(crate) name: String,
    pub(crate) text: String,
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every chapter but the summary.
pub(crate) fn chapters() -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = fs::read_dir(source())
        .expect("the guide is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| chapter(&path))
        .filter(|chapter| chapter.name != "SUMMARY.md")
        .collect();
    chapters.sort_by(|a, b| a.name.cmp(&b.name));
    chapters
}

pub(crate) fn chapter(path: &Path) -> Chapter {
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    Chapter { name, text: fs::read_to_string(path).expect("readable") }
}

impl Chapter {
    /// The lines that are not in a code block.
    pub(crate) fn prose(&self) -> impl Iterator<Item = &str> {
        let mut code = false;
        self.text.lines().filter(move |line| {
            let fence = line.trim_start().starts_with("```");
            code ^= fence;
            !code && !fence
        })
    }

    /// What stands in back quotes.
    pub(crate) fn code_spans(&self) -> impl Iterator<Item = &str> {
        self.prose().flat_map(|line| line.split('`').skip(1).step_by(2))
    }

    /// Where links lead.
    pub(crate) fn links(&self) -> impl Iterator<Item = &str> {
        self.prose().flat_map(|line| {
            line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
        })
    }

    /// The anchors that mdBook gives the headings.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = String> {
        self.prose().filter(|line| line.starts_with('#')).map(|line| {
            let kept = line.trim_start_matches('#').trim().to_lowercase();
            kept.chars()
                .filter(|character| character.is_alphanumeric() || " -_".contains(*character))
                .map(|character| if character == ' ' { '-' } else { character })
                .collect()
        })
    }
}
