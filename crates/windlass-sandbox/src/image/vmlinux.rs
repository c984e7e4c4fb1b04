//! The kernel as it is in memory: what Firecracker starts. Debian's package has it packed, behind a few sectors that unpack it.

use std::io::{self, Read};

/// Where the header of a packed kernel says what it is. See the boot protocol of Linux on x86.
const SIGNATURE: (usize, &[u8]) = (0x202, b"HdrS");
const SETUP_SECTORS: usize = 0x1f1;
const PAYLOAD: usize = 0x248;
const LENGTH: usize = 0x24c;
const SECTOR: usize = 512;

/// What payloads begin with.
const LZ4: &[u8] = &[0x02, 0x21, 0x4c, 0x18];
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The most that a block of the old format of lz4 unpacks to.
const BLOCK: usize = 8 << 20;
/// No kernel is bigger.
const BIGGEST: u64 = 1 << 30;

/// Unpacks a kernel; `None` where it is packed in a way that is not known here, or not at all.
pub(super) fn unpack(packed: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let (at, signature) = SIGNATURE;
    if packed.get(at..at + signature.len()) != Some(signature) {
        return Ok(None);
    }
    let word = |at: usize| packed.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let sectors = packed.get(SETUP_SECTORS).map_or(0, |sectors| usize::from(*sectors).max(4));
    let (Some(offset), Some(length)) = (word(PAYLOAD), word(LENGTH)) else { return Ok(None) };
    let start = (sectors + 1) * SECTOR + offset as usize;
    let Some(payload) = packed.get(start..start.saturating_add(length as usize)) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel is shorter than it says"));
    };
    let unpacked = if let Some(blocks) = payload.strip_prefix(LZ4) {
        lz4(blocks)?
    } else if payload.starts_with(GZIP) {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(payload).take(BIGGEST).read_to_end(&mut unpacked)?;
        unpacked
    } else {
        return Ok(None);
    };
    Ok(unpacked.starts_with(b"\x7fELF").then_some(unpacked))
}

/// Blocks with their lengths before them; the last word is the length of it all.
fn lz4(mut blocks: &[u8]) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    while let Some((length, rest)) = blocks.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(block) = rest.get(..length).filter(|_| !rest.is_empty()) else { break };
        let block = lz4_flex::block::decompress(block, BLOCK).map_err(io::Error::other)?;
        unpacked.extend_from_slice(&block);
        blocks = &rest[length..];
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::unpack;

    /// As the kernel's own makefiles put it together.
    fn packed(payload: &[u8]) -> Vec<u8> {
        let mut kernel = vec![0; 5 * 512];
        kernel[0x1f1] = 4;
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        kernel.extend_from_slice(payload);
        kernel
    }

    #[test]
    fn a_packed_kernel_is_unpacked() {
        let kernel = [b"\x7fELF".to_vec(), (0..20 << 20).map(|byte: u32| (byte >> 7) as u8).collect()].concat();
        let mut payload = vec![0x02, 0x21, 0x4c, 0x18];
        for block in kernel.chunks(8 << 20) {
            let block = lz4_flex::block::compress(block);
            payload.extend_from_slice(&u32::try_from(block.len()).unwrap().to_le_bytes());
            payload.extend_from_slice(&block);
        }
        payload.extend_from_slice(&u32::try_from(kernel.len()).unwrap().to_le_bytes());
        assert!(unpack(&packed(&payload)).unwrap().unwrap() == kernel);
        assert!(unpack(&packed(&payload)[..4000]).is_err(), "it is shorter than it says");
        assert!(unpack(&packed(b"something else")).unwrap().is_none());
        assert!(unpack(&kernel).unwrap().is_none());
        assert!(unpack(b"").unwrap().is_none());
    }
}
