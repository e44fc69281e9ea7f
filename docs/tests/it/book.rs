//! Chapters and links.

use crate::text::{Chapter, chapter, chapters, source, workspace};

fn summary() -> Chapter {
    chapter(&source().join("SUMMARY.md"))
}

#[test]
fn every_chapter_stands_in_the_summary_once() {
    let summary = summary();
    for chapter in chapters() {
        let listed = summary.links().filter(|link| *link == chapter.name).count();
        assert_eq!(listed, 1, "{} is {listed} times in SUMMARY.md", chapter.name);
    }
}

#[test]
fn every_chapter_is_compiled() {
    let library = std::fs::read_to_string(source().join("lib.rs")).expect("readable");
    for chapter in chapters() {
        let included = format!("include_str!(\"{}\")", chapter.name);
        assert!(library.contains(&included), "lib.rs does not include {}", chapter.name);
    }
}

#[test]
fn every_link_leads_somewhere() {
    let readme = chapter(&workspace().join("README.md"));
    let pages = chapters().into_iter().chain([summary()]).map(|page| (source(), page));
    let mut dead = Vec::new();
    for (folder, page) in pages.chain([(workspace(), readme)]) {
        for link in page.links().filter(|link| !link.contains("://")) {
            let (file, anchor) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { folder.join(&page.name) } else { folder.join(file) };
            let leads = match anchor {
                _ if !target.exists() => false,
                Some(anchor) => chapter(&target).anchors().any(|known| known == anchor),
                None => true,
            };
            if !leads {
                dead.push(format!("{} -> {link}", page.name));
            }
        }
    }
    assert_eq!(dead, [""; 0], "dead links");
}
