//! Images in a directory.

use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{ContentHash, Image, ImageKind, MediaError, MediaStore, StoredImage};

/// Keeps images as files that the host serves: `ab/cd/abcd….jpg`, two levels of folders by the hash.
///
/// A file is written under a temporary name in the same folder and moved to its own when it is complete and on disk,
/// so whoever looks sees a whole image or none. A process that is killed in between leaves at worst a file whose name begins with
/// `.new-`, which may be deleted. Several processes may share the directory.
///
/// The work is done on tokio's blocking threads: call it inside a tokio runtime. SVG files are stored as they are;
/// a host that serves the directory from its own origin leaves them out with
/// [`ImageRules::without_svg`](super::ImageRules::without_svg).
#[derive(Debug, Clone)]
pub struct FsMediaStore {
    root: PathBuf,
    base_url: String,
}

impl FsMediaStore {
    /// Keeps images below `root`, which is made when needed and which the host serves as `base_url`.
    pub fn new(root: impl Into<PathBuf>, base_url: impl Into<String>) -> Self {
        let mut base_url = base_url.into();
        if !base_url.ends_with('/') {
            base_url.push('/');
        }
        Self { root: root.into(), base_url }
    }

    fn stored(&self, hash: ContentHash, kind: ImageKind) -> StoredImage {
        StoredImage { hash, url: format!("{}{}", self.base_url, relative(hash, kind)) }
    }
}

#[async_trait]
impl MediaStore for FsMediaStore {
    async fn put(&self, image: &Image) -> Result<StoredImage, MediaError> {
        let path = self.root.join(relative(image.hash(), image.kind()));
        let bytes = image.bytes().clone();
        on_a_blocking_thread(move || if path.is_file() { Ok(()) } else { write_whole(&path, &bytes) })
            .await?;
        Ok(self.stored(image.hash(), image.kind()))
    }

    async fn find(&self, hash: &ContentHash) -> Result<Option<StoredImage>, MediaError> {
        let (root, hash) = (self.root.clone(), *hash);
        let kind = on_a_blocking_thread(move || find_kind(&root, hash)).await?;
        Ok(kind.map(|kind| self.stored(hash, kind)))
    }
}

/// The path below the root, with forward slashes.
fn relative(hash: ContentHash, kind: ImageKind) -> String {
    let name = hash.to_string();
    format!("{}/{}/{name}.{}", &name[..2], &name[2..4], kind.extension())
}

fn find_kind(root: &Path, hash: ContentHash) -> Result<Option<ImageKind>, MediaError> {
    for kind in ImageKind::ALL {
        let path = root.join(relative(hash, kind));
        match path.metadata() {
            Ok(file) if file.is_file() => return Ok(Some(kind)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("look for", &path)(error)),
        }
    }
    Ok(None)
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), MediaError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder).map_err(failed("create the folder", folder))?;
    // Deletes itself unless it gets its final name.
    let mut file = new_file_in(folder).map_err(failed("create a file in", folder))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed("write", path))?;
    file.persist(path).map_err(|error| failed("move the image to", path)(error.error))?;
    #[cfg(unix)]
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("flush", folder))?;
    Ok(())
}

fn new_file_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-");
    // A temporary file is its owner's alone, but this one will be served: the umask decides, as for any file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MediaError {
    let path = path.display().to_string();
    move |source| MediaError::File { action, path, source }
}

async fn on_a_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
) -> Result<T, MediaError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(MediaError::Unavailable { detail: format!("the runtime stopped the file work: {error}") })
        }
    }
}
