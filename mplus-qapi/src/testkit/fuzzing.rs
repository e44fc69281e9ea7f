//! What a fuzzer calls with bytes of its own making, and what the tests call with a corpus of shapes that they change.
//!
//! Each function takes any bytes and says what does not hold; an input that is refused is fine, as long as all ways refuse it.

use crate::{
    soap::{Descriptor, ResponseError, body_root, read_document, read_envelope, read_pieces, write_document},
    testkit::Sampler,
};

/// A document as a response: read whole and in pieces of random sizes it is the same value, or the same refusal.
///
/// The operation is that whose response is in the body; another document is read as any of them.
///
/// # Errors
/// What the two ways do not agree on.
pub fn reader(document: &[u8]) -> Result<(), String> {
    let descriptor = descriptor(document)?;
    let (mut whole, mut pieced) = ((descriptor.response)(), (descriptor.response)());
    let root = descriptor.info.response;
    let whole_end = told(read_envelope(document, root, &mut *whole, false));
    let pieced_end = told(read_pieces(pieces(document), root, &mut *pieced));
    if whole_end != pieced_end {
        return Err(format!("{root}: whole {whole_end:?}, in pieces {pieced_end:?}"));
    }
    if whole_end.is_ok() && *whole != *pieced {
        return Err(format!("{root}: whole {whole:?}, in pieces {pieced:?}"));
    }
    Ok(())
}

/// A document as a response, or as a request: what was read is written, and read again it is the same.
///
/// # Errors
/// Where it is not.
pub fn round_trip(document: &[u8]) -> Result<(), String> {
    let Descriptor { info, request, response, .. } = descriptor(document)?;
    for (root, empty) in [(info.response, response), (info.name, request)] {
        let mut first = empty();
        if read_document(document, root, &mut *first, false).is_err() {
            continue;
        }
        // What is required and absent cannot be written.
        let Ok(text) = write_document(root, &*first) else { continue };
        let mut second = empty();
        let again = read_document(text.as_bytes(), root, &mut *second, false);
        let again = again.map_err(|error| format!("{root}: {error} in what was written: {text}"))?;
        if !again.missing.is_empty() {
            return Err(format!("{root}: {:?} are missing in what was written: {text}", again.missing));
        }
        if *first != *second || write_document(root, &*second).ok().as_ref() != Some(&text) {
            return Err(format!("{root}: {first:?} became {second:?} by {text}"));
        }
    }
    Ok(())
}

/// The content of a fault: both ways say the same, and of each text no more than 4 KiB is kept.
///
/// # Errors
/// Where that does not hold.
pub fn fault(content: &[u8]) -> Result<(), String> {
    const HEAD: &[u8] =
        br#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault>"#;
    let document = [HEAD, content, b"</e:Fault></e:Body></e:Envelope>"].concat();
    reader(&document)?;
    let descriptor = descriptor(&document)?;
    let end = read_envelope(&document, descriptor.info.response, &mut *(descriptor.response)(), false);
    if let Err(ResponseError::Fault(fault)) = end {
        let texts = [Some(&fault.code), Some(&fault.message), fault.actor.as_ref(), fault.detail.as_ref()];
        if let Some(long) = texts.into_iter().flatten().find(|text| text.len() > 4096) {
            return Err(format!("{} bytes of a fault are kept", long.len()));
        }
    }
    Ok(())
}

/// What is said of the end of reading: the tolerated paths, or the error.
fn told(end: Result<crate::soap::Tolerated, ResponseError>) -> Result<Vec<String>, String> {
    match end {
        Ok(tolerated) => Ok([tolerated.missing, tolerated.replaced].concat()),
        Err(error) => Err(error.to_string()),
    }
}

/// The operation that the body names by its response or its request; else one that the bytes choose.
fn descriptor(document: &[u8]) -> Result<&'static Descriptor, String> {
    let all: Vec<&Descriptor> = crate::generated::operations().into_iter().flatten().collect();
    let root = body_root(document).unwrap_or_default();
    let named =
        all.iter().find(|descriptor| descriptor.info.response == root || descriptor.info.name == root);
    let chosen = usize::try_from(seed(document) % all.len().max(1) as u64).unwrap_or_default();
    named.or_else(|| all.get(chosen)).copied().ok_or_else(|| "no operation is compiled".to_owned())
}

/// The document in pieces of random sizes, the same for the same bytes.
fn pieces(document: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = document;
    let mut sizes = Sampler::full(seed(document));
    std::iter::from_fn(move || {
        let most = [1, 7, 60, 5_000][sizes.index_below(4)];
        let (piece, after) = rest.split_at((1 + sizes.index_below(most)).min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A number out of bytes (FNV-1a).
fn seed(document: &[u8]) -> u64 {
    document
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
