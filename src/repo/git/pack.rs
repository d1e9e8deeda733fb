//! Writing many objects as one pack with its index, the way of `gitformat-pack(5)`, versions 2.
//!
//! Objects are compressed in parallel and fast, and not as differences of each other: `git gc` does that when it packs anew.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use gix::hash::{Kind, ObjectId};
use gix::odb::pack::data::entry::Header;
use gix::zlib::stream::deflate::{Compress, FlushCompress};
use gix::zlib::{Compression, Status};
use rayon::prelude::*;

use super::object::Object;

/// So many objects are held in memory in their compressed form.
const BATCH: usize = 4096;

/// Is where an object lies in the pack.
struct Place {
    id: ObjectId,
    crc: u32,
    offset: u64,
}

/// Writes a pack of objects, sorted by id, to the directory of packs; it is there as a whole or not at all.
pub(super) fn write(dir: &Path, objects: &[Object], hash: Kind) -> io::Result<()> {
    let count = u32::try_from(objects.len()).map_err(io::Error::other)?;
    std::fs::create_dir_all(dir)?;
    let mut pack = Hashing::new(temporary(dir, "tmp_pack_")?, hash);
    pack.write_all(b"PACK")?;
    pack.write_all(&2_u32.to_be_bytes())?;
    pack.write_all(&count.to_be_bytes())?;
    let mut places = Vec::with_capacity(objects.len());
    for batch in objects.chunks(BATCH) {
        let entries = batch.par_iter().map_init(|| Compress::new(Compression::BEST_SPEED), entry);
        for (object, bytes) in batch.iter().zip(entries.collect::<io::Result<Vec<_>>>()?) {
            places.push(Place { id: object.id, crc: crc32fast::hash(&bytes), offset: pack.written });
            pack.write_all(&bytes)?;
        }
    }
    let (pack, name) = pack.finish()?;
    let index = write_index(dir, &places, name, hash)?;
    // Git looks for packs by their indexes: the pack must be in place first.
    pack.persist(dir.join(format!("pack-{name}.pack")))?;
    index.persist(dir.join(format!("pack-{name}.idx")))?;
    #[cfg(unix)]
    std::fs::File::open(dir)?.sync_all()?;
    Ok(())
}

/// Makes an entry of the pack: kind and size, then the compressed content.
fn entry(zlib: &mut Compress, object: &Object) -> io::Result<Vec<u8>> {
    let header = match object.kind {
        gix::objs::Kind::Tree => Header::Tree,
        gix::objs::Kind::Blob => Header::Blob,
        gix::objs::Kind::Commit => Header::Commit,
        gix::objs::Kind::Tag => Header::Tag,
    };
    let mut out = Vec::with_capacity(object.data.len() / 2 + 64);
    let start = header.write_to(object.data.len() as u64, &mut out)?;
    zlib.reset();
    out.resize(out.capacity(), 0);
    let position = |count: u64| usize::try_from(count).map_err(io::Error::other);
    loop {
        let (read, written) = (position(zlib.total_in())?, start + position(zlib.total_out())?);
        let (rest, free) = (object.data.get(read..), out.get_mut(written..));
        let status = zlib.compress(rest.unwrap_or_default(), free.unwrap_or_default(), FlushCompress::Finish);
        if status.map_err(io::Error::other)? == Status::StreamEnd {
            out.truncate(start + position(zlib.total_out())?);
            return Ok(out);
        }
        out.resize(out.len() * 2, 0);
    }
}

/// Writes the index of a pack: how many ids begin with which byte, the ids, their checksums and offsets.
fn write_index(dir: &Path, places: &[Place], pack: ObjectId, hash: Kind) -> io::Result<tempfile::NamedTempFile> {
    const FAR: u64 = 1 << 31;
    let mut index = Hashing::new(temporary(dir, "tmp_idx_")?, hash);
    index.write_all(b"\xfftOc")?;
    index.write_all(&2_u32.to_be_bytes())?;
    for byte in 0..=u8::MAX {
        let upto = places.partition_point(|place| place.id.first_byte() <= byte);
        index.write_all(&u32::try_from(upto).map_err(io::Error::other)?.to_be_bytes())?;
    }
    for place in places {
        index.write_all(place.id.as_slice())?;
    }
    for place in places {
        index.write_all(&place.crc.to_be_bytes())?;
    }
    // An offset that needs more than 31 bits is the number of one in a second table.
    let mut far = Vec::new();
    for place in places {
        let short = if place.offset < FAR { place.offset } else { FAR + far.len() as u64 };
        far.extend((place.offset >= FAR).then_some(place.offset));
        index.write_all(&u32::try_from(short).map_err(io::Error::other)?.to_be_bytes())?;
    }
    for offset in far {
        index.write_all(&offset.to_be_bytes())?;
    }
    index.write_all(pack.as_slice())?;
    Ok(index.finish()?.0)
}

/// Makes a file that `git gc` removes if we do not get to rename it.
fn temporary(dir: &Path, prefix: &str) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o444));
    }
    builder.tempfile_in(dir)
}

/// A file that ends with the digest of what was written to it.
struct Hashing {
    file: BufWriter<tempfile::NamedTempFile>,
    hasher: gix::hash::Hasher,
    written: u64,
}

impl Hashing {
    fn new(file: tempfile::NamedTempFile, hash: Kind) -> Self {
        Self { file: BufWriter::with_capacity(1 << 16, file), hasher: gix::hash::hasher(hash), written: 0 }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Writes the digest, and waits until everything is on the disk.
    fn finish(mut self) -> io::Result<(tempfile::NamedTempFile, ObjectId)> {
        let digest = self.hasher.try_finalize().map_err(io::Error::other)?;
        self.file.write_all(digest.as_slice())?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        Ok((file, digest))
    }
}
