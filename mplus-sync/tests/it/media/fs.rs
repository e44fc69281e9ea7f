use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use mplus_sync::media::{FsMediaStore, Image, ImageRules, MediaError, MediaStore};
use tempfile::TempDir;

use super::{image, keeps_its_promises};

const BASE: &str = "https://shop.example/media";

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_directory_keeps_the_promises_and_makes_itself() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("not/there/yet");
    keeps_its_promises(&FsMediaStore::new(&root, BASE)).await;
    assert_eq!(files(&root).len(), 2);
}

#[tokio::test]
async fn a_file_stands_two_folders_deep_under_its_hash_and_holds_the_bytes() {
    let folder = TempDir::new().unwrap();
    let image = image("cola");
    let stored = FsMediaStore::new(folder.path(), BASE).put(&image).await.unwrap();
    let hash = image.hash().to_string();
    let path = format!("{}/{}/{hash}.svg", &hash[..2], &hash[2..4]);
    assert_eq!(stored.url, format!("{BASE}/{path}"));
    assert_eq!(std::fs::read(folder.path().join(path)).unwrap(), image.bytes().as_ref());
}

#[tokio::test]
async fn another_process_sees_what_the_first_stored() {
    let folder = TempDir::new().unwrap();
    let stored = FsMediaStore::new(folder.path(), BASE).put(&image("cola")).await.unwrap();
    let second = FsMediaStore::new(folder.path(), format!("{BASE}/"));
    assert_eq!(second.find(&image("cola").hash()).await.unwrap(), Some(stored));
}

#[tokio::test]
async fn what_a_killed_process_left_behind_is_not_served_and_does_not_hinder() {
    let folder = TempDir::new().unwrap();
    let store = FsMediaStore::new(folder.path(), BASE);
    let hash = image("cola").hash().to_string();
    let inner = folder.path().join(&hash[..2]).join(&hash[2..4]);
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(inner.join(".new-half"), "<sv").unwrap();
    assert!(!store.has(&image("cola").hash()).await.unwrap());
    store.put(&image("cola")).await.unwrap();
    assert!(store.has(&image("cola").hash()).await.unwrap());
}

#[tokio::test]
async fn many_tasks_storing_the_same_image_leave_one_whole_file() {
    let folder = TempDir::new().unwrap();
    let store = FsMediaStore::new(folder.path(), BASE);
    let svg = format!("<svg>{}</svg>", "x".repeat(200_000));
    let image = Image::check(svg.into(), &ImageRules::default()).unwrap();
    let results = join_all((0..16).map(|_| store.put(&image))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let files = files(folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(std::fs::read(&files[0]).unwrap(), image.bytes().as_ref());
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let error = FsMediaStore::new(&file, BASE).put(&image("cola")).await.unwrap_err();
    assert!(matches!(error, MediaError::File { .. }) && !error.is_transient());
    assert!(
        error.to_string().contains("create the folder") && error.to_string().contains("a-file"),
        "{error}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_web_server_of_another_user_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    let root = folder.path().join("media");
    FsMediaStore::new(&root, BASE).put(&image("cola")).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
    assert_eq!(mode(&files(&root)[0]), mode(&plain), "as any file that this process makes");
}
