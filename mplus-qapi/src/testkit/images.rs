//! Small pictures that are drawn here, so that they are real files and nobody's property.

use super::catalogue::MADE;
use crate::{
    types::{Image, LoadFileResult},
    value::Binary,
};

/// How many pictures the catalogues use: numbers 1 to this.
pub(super) const COUNT: i64 = 12;
/// Width and height.
const SIDE: u8 = 32;
const THUMB_SIDE: u8 = 8;

/// A picture of a catalogue, without its bytes.
pub(super) fn image(id: i64) -> Image {
    let (data, thumb) = (picture(id, SIDE), picture(id, THUMB_SIDE));
    let ending = if is_png(id) { "png" } else { "jpg" };
    Image {
        image_id: id,
        image_name: format!("gerecht-{id}.{ending}"),
        image_hash: hash(&data),
        image_path: format!("images/{id}.{ending}"),
        image_url: format!("https://pos.invalid/images/{id}.{ending}"),
        image_data_result: LoadFileResult::NotRequested,
        thumb_hash: hash(&thumb),
        thumb_path: format!("thumbs/{id}.{ending}"),
        thumb_url: format!("https://pos.invalid/thumbs/{id}.{ending}"),
        thumb_data_result: LoadFileResult::NotRequested,
        image_width: SIDE.into(),
        image_height: SIDE.into(),
        thumb_width: THUMB_SIDE.into(),
        thumb_height: THUMB_SIDE.into(),
        created_timestamp: MADE,
        changed_timestamp: MADE,
        ..Image::default()
    }
}

/// The same with its bytes, as far as they are asked for.
pub(super) fn image_with_data(id: i64, data: bool, thumb: bool) -> Image {
    let mut image = image(id);
    if data {
        image.image_data = Binary::from(picture(id, SIDE));
        image.image_data_result = LoadFileResult::Ok;
    }
    if thumb {
        image.thumb_data = Binary::from(picture(id, THUMB_SIDE));
        image.thumb_data_result = LoadFileResult::Ok;
    }
    image
}

/// 32 hexadecimal digits that change with the bytes.
pub(super) fn hash(bytes: &[u8]) -> String {
    let fnv = |offset: u64| {
        bytes.iter().fold(offset, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    format!("{:016x}{:016x}", fnv(0xcbf2_9ce4_8422_2325), fnv(0x6c62_272e_07bb_0142))
}

fn is_png(id: i64) -> bool {
    id % 2 == 1
}

/// Squares of grey in a pattern of the picture's own.
fn picture(id: i64, side: u8) -> Vec<u8> {
    let block = |x: u8, y: u8| (id.wrapping_mul(37) as u8).wrapping_add((x / 8 * 3 + y / 8).wrapping_mul(29));
    if is_png(id) { png(side, block) } else { jpeg(side, block) }
}

/// A grey PNG whose image data is stored, not compressed.
fn png(side: u8, pixel: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..side {
        rows.push(0); // no filter
        rows.extend((0..side).map(|x| pixel(x, y)));
    }
    let length = rows.len() as u16;
    let mut zlib = vec![0x78, 0x01, 0x01];
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    zlib.extend(&rows);
    zlib.extend(adler32(&rows).to_be_bytes());

    let side = [0, 0, 0, side];
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, b"IHDR", &[&side[..], &side[..], &[8, 0, 0, 0, 0]].concat());
    chunk(&mut file, b"IDAT", &zlib);
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    let sum = crc32(&file[start..]);
    file.extend(sum.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

/// A grey baseline JPEG of even blocks: only the mean of each block is coded.
fn jpeg(side: u8, pixel: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    let mut segment = |marker: u8, data: &[u8]| {
        file.extend([0xff, marker]);
        file.extend((data.len() as u16 + 2).to_be_bytes());
        file.extend(data);
    };
    segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    // Every step of the mean is 8, so that its coefficient is the level itself.
    segment(0xdb, &[&[0][..], &[8; 64]].concat());
    segment(0xc0, &[8, 0, side, 0, side, 1, 1, 0x11, 0]);
    // Means: twelve codes of four bits, for differences of 0 to 11 bits. The rest: one code, the end of the block.
    segment(0xc4, &[&[0x00, 0, 0, 0, 12][..], &[0; 12], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]].concat());
    segment(0xc4, &[&[0x10, 1][..], &[0; 15], &[0]].concat());
    segment(0xda, &[1, 1, 0x00, 0, 63, 0]);

    let mut bits = Bits::default();
    let mut before = 0;
    for y in (0..side).step_by(8) {
        for x in (0..side).step_by(8) {
            let level = i32::from(pixel(x, y)) - 128;
            let difference = level - before;
            before = level;
            let size = 32 - difference.unsigned_abs().leading_zeros();
            bits.push(size, 4);
            // A negative difference is told as its complement.
            let coded = if difference < 0 { difference + (1 << size) - 1 } else { difference };
            bits.push(coded as u32, size);
            bits.push(0, 1);
        }
    }
    file.extend(bits.finish());
    file.extend([0xff, 0xd9]);
    file
}

/// Bits of a JPEG's scan, the first in the highest place of a byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.held = self.held << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                let byte = self.held as u8;
                self.bytes.push(byte);
                if byte == 0xff {
                    self.bytes.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        while self.count != 0 {
            self.push(1, 1);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn pictures_are_files_of_their_kind_and_differ() {
        let files: Vec<Vec<u8>> = (1..=COUNT).map(|id| picture(id, SIDE)).collect();
        for (id, file) in (1..).zip(&files) {
            let start: &[u8] = if is_png(id) { b"\x89PNG\r\n\x1a\n" } else { b"\xff\xd8\xff\xe0" };
            assert!(file.starts_with(start), "picture {id}");
        }
        let hashes: std::collections::BTreeSet<String> = files.iter().map(|file| hash(file)).collect();
        assert_eq!(hashes.len(), files.len());
    }
}
