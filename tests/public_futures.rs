//! Every public future is `Send`: a host starts them in tasks of a multi-threaded runtime and in handlers of a web server.
//!
//! A crate lists its public async functions with [`send_futures!`], which does not compile unless each future is `Send`,
//! and compares the list with its sources, so that none is forgotten. What a host implements is an `#[async_trait]`, whose
//! futures are `Send` by declaration; the comparison sees to it that there is no other kind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Only a future that may move to another thread gets in.
pub(crate) fn assert_send<T: Send>(_: T) {}

/// The most bytes that a public future may have: a host keeps several of them on one small stack, and joins them. In a build
/// without optimisation every level of a call may hold a copy.
const LARGEST: usize = 16 * 1024;

/// Lists calls as `Type::method(argument: Type, ...)`, or `function(...)`; generics stand in brackets before the name.
macro_rules! send_futures {
    ($( $([$($generic:tt)*])? $owner:ident $(::$method:ident)? ( $($argument:ident: $type:ty),* $(,)? ); )*) => {
        $(
            const _: () = {
                #[expect(dead_code, reason = "that it compiles is the test")]
                fn spawned$(<$($generic)*>)?($($argument: $type),*) {
                    $crate::spawn::public_futures::assert_send($owner$(::$method)?($($argument),*));
                }
            };
        )*
        const LISTED: &[&str] = &[$(concat!(stringify!($owner), $("::", stringify!($method))?)),*];
        /// The sizes of those that are of one size.
        fn sizes() -> Vec<(&'static str, usize)> {
            [$($crate::spawn::public_futures::sized!(
                $([$($generic)*])? concat!(stringify!($owner), $("::", stringify!($method))?),
                || $owner$(::$method)?($($crate::spawn::public_futures::never::<$type>()),*)
            )),*]
            .into_iter()
            .flatten()
            .collect()
        }
    };
}
pub(crate) use send_futures;

/// A call's name and the size of its future; none of one whose size depends on what the host hands in.
macro_rules! sized {
    ([$($generic:tt)*] $name:expr, $call:expr) => {
        None
    };
    ($name:expr, $call:expr) => {
        Some(($name, $crate::spawn::public_futures::size_of_output(&$call)))
    };
}
pub(crate) use sized;

/// Stands for an argument of a call that is never made.
pub(crate) fn never<T>() -> T {
    unreachable!("a call is looked at, not made")
}

pub(crate) fn size_of_output<T>(_: &dyn Fn() -> T) -> usize {
    size_of::<T>()
}

/// Fails when a public future is large.
pub(crate) fn assert_small(sizes: Vec<(&'static str, usize)>) {
    let large: Vec<_> = sizes.into_iter().filter(|(_, size)| *size > LARGEST).collect();
    assert!(large.is_empty(), "box what these hold, they are larger than {LARGEST} bytes: {large:?}");
}

/// Fails when the crate at `root` has a public async function that is not listed, or when a listed one is gone.
pub(crate) fn assert_complete(root: &str, listed: &[&str]) {
    let mut found = BTreeSet::new();
    let sources = sources(&Path::new(root).join("src"));
    assert!(!sources.is_empty(), "no sources under {root}");
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        let mut owner = None;
        let mut attributes = String::new();
        for (number, line) in text.lines().map(str::trim_start).enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            if line.starts_with("impl") && line.contains('{') {
                owner = type_name(line);
            } else if line.starts_with("pub trait ") {
                let body = text.lines().skip(number + 1).take_while(|line| !line.trim_end().eq("}"));
                let is_async = body.map(str::trim_start).any(|line| line.starts_with("async fn "));
                let is_send = attributes.contains("async_trait]");
                assert!(!is_async || is_send, "{place}: a trait with async methods is an #[async_trait]");
            }
            if let Some(rest) = line.strip_prefix("pub async fn ") {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.insert(owner.as_ref().map_or(name.clone(), |owner| format!("{owner}::{name}")));
            }
            if line.contains("-> impl Future") || line.contains("-> impl Stream") {
                assert!(line.contains("Send"), "{place}: a future that is given back says that it is Send");
            }
            if line.starts_with("#[") {
                attributes.push_str(line);
            } else if !line.starts_with("//") {
                attributes.clear();
            }
            // Whatever is at the margin after a block belongs to no type.
            if text.lines().nth(number) == Some("}") {
                owner = None;
            }
        }
    }
    let listed: BTreeSet<String> = listed.iter().map(|name| (*name).to_owned()).collect();
    let forgotten: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(forgotten.is_empty(), "public async functions that are not in the list: {forgotten:?}");
    assert!(gone.is_empty(), "listed, but not in the sources: {gone:?}");
}

/// `Call` of `impl<'a, O: Operation> Call<'a, O> {`.
fn type_name(line: &str) -> Option<String> {
    let mut rest = line.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '<') - i32::from(*c == '>');
            depth == 0
        })?;
        rest = &rest[end.0 + 1..];
    }
    let name: String = rest.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What is generated is made of the same few macros, which the handwritten sources hold.
        if path.is_dir() && !path.ends_with("generated") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
