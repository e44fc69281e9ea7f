//! Keys that secrets are sealed with before they are stored: AES-256-GCM, by the crypto library of the tree.
//!
//! The first key seals, all of them open: to rotate, put a new one in front; [`KeyRing::is_newest`] says what is still to be
//! sealed anew.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a key's name in front of what it sealed.
const NAME: usize = 4;

/// The keys, the newest first.
pub(crate) struct KeyRing {
    keys: Vec<([u8; NAME], LessSafeKey)>,
    /// What cookies' tokens are bound to.
    pub(crate) tokens: [u8; 32],
}

/// Why a key or a sealed text cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error(
        "MPLUS_BACKOFFICE_KEY has to be 32 random bytes in base64 (openssl rand -base64 32); several have commas between them, the newest first"
    )]
    NoKey,
    #[error("the key file {0} cannot be used: {1}")]
    File(String, std::io::Error),
    #[error("the secret was sealed with another key than those in MPLUS_BACKOFFICE_KEY")]
    UnknownKey,
    #[error("the sealed secret was changed, or belongs elsewhere")]
    Broken,
}

impl KeyRing {
    /// Reads keys in base64, with commas between them.
    pub(crate) fn read(text: &str) -> Result<Self, KeyError> {
        let decode = |part: &str| STANDARD.decode(part.trim()).ok().filter(|key| key.len() == 32);
        let keys: Option<Vec<_>> = text.split(',').map(decode).collect();
        let keys = keys.ok_or(KeyError::NoKey)?;
        let mut tokens = [0; 32];
        tokens
            .copy_from_slice(digest(&SHA256, &[b"tokens of cookies", keys[0].as_slice()].concat()).as_ref());
        let ring = keys.iter().map(|key| {
            let mut name = [0; NAME];
            name.copy_from_slice(&digest(&SHA256, key).as_ref()[..NAME]);
            Ok((name, LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| KeyError::NoKey)?)))
        });
        Ok(Self { keys: ring.collect::<Result<_, KeyError>>()?, tokens })
    }

    /// A key that nobody will know again.
    #[cfg(test)]
    pub(crate) fn forgetful() -> Result<Self, KeyError> {
        Self::read(&new_key()?)
    }

    /// Reads the key in a file that nobody else may read, and makes it when there is none.
    pub(crate) fn in_file(path: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::File(path.display().to_string(), error);
        match std::fs::read_to_string(path) {
            Ok(text) => Self::read(text.trim()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = new_key()?;
                write_privately(path, &key).map_err(failed)?;
                Self::read(&key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Seals a secret for one place; it opens nowhere else.
    pub(crate) fn seal(&self, place: &str, secret: &str) -> Result<String, KeyError> {
        let (name, key) = self.keys.first().ok_or(KeyError::NoKey)?;
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| KeyError::Broken)?;
        let mut text = secret.as_bytes().to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut text)
            .map_err(|_| KeyError::Broken)?;
        Ok(STANDARD.encode([name.as_slice(), &nonce, &text].concat()))
    }

    /// Opens what was sealed for this place.
    pub(crate) fn open(&self, place: &str, sealed: &str) -> Result<String, KeyError> {
        let mut bytes = STANDARD.decode(sealed).map_err(|_| KeyError::Broken)?;
        if bytes.len() < NAME + NONCE_LEN {
            return Err(KeyError::Broken);
        }
        let (_, key) =
            self.keys.iter().find(|(name, _)| bytes.starts_with(name)).ok_or(KeyError::UnknownKey)?;
        let mut text = bytes.split_off(NAME + NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes[NAME..]).map_err(|_| KeyError::Broken)?;
        let opened = key.open_in_place(nonce, Aad::from(place), &mut text).map_err(|_| KeyError::Broken)?;
        String::from_utf8(opened.to_vec()).map_err(|_| KeyError::Broken)
    }

    /// Whether it was sealed with the key that seals now.
    pub(crate) fn is_newest(&self, sealed: &str) -> bool {
        let bytes = STANDARD.decode(sealed).unwrap_or_default();
        self.keys.first().is_some_and(|(name, _)| bytes.starts_with(name))
    }
}

fn new_key() -> Result<String, KeyError> {
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| KeyError::NoKey)?;
    Ok(STANDARD.encode(key))
}

fn write_privately(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "HxDdDBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

    #[test]
    fn a_secret_opens_where_it_was_sealed_and_nowhere_else() {
        let ring = KeyRing::read(OLD).unwrap();
        let sealed = ring.seal("credentials/demo", "geheim").unwrap();
        assert!(!sealed.contains("geheim"));
        assert_ne!(sealed, ring.seal("credentials/demo", "geheim").unwrap(), "each time another nonce");
        assert_eq!(ring.open("credentials/demo", &sealed).unwrap(), "geheim");
        assert!(matches!(ring.open("credentials/other", &sealed), Err(KeyError::Broken)));
    }

    #[test]
    fn a_new_key_in_front_opens_what_the_old_one_sealed() {
        let sealed = KeyRing::read(OLD).unwrap().seal("place", "geheim").unwrap();
        let rotated = KeyRing::read(&format!("{NEW},{OLD}")).unwrap();
        assert_eq!(rotated.open("place", &sealed).unwrap(), "geheim");
        assert!(!rotated.is_newest(&sealed));
        assert!(rotated.is_newest(&rotated.seal("place", "geheim").unwrap()));
        assert!(matches!(KeyRing::read(NEW).unwrap().open("place", &sealed), Err(KeyError::UnknownKey)));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "geheim", "AAEC", &format!("{OLD},")] {
            assert!(KeyRing::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let sealed = KeyRing::in_file(&path).unwrap().seal("place", "geheim").unwrap();
        assert_eq!(KeyRing::in_file(&path).unwrap().open("place", &sealed).unwrap(), "geheim");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
