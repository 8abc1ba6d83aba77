//! The bytes of a file for Parquet's page reader: a local file by position, anything else by ranges of
//! its store. Readers of one file do not disturb each other.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

/// A file that is open. Cheap to clone.
#[derive(Clone)]
pub(super) struct Input(Arc<Place>);

enum Place {
    Local { file: File, bytes: u64 },
    Remote { store: Arc<dyn ObjectStore>, location: Path, bytes: u64, runtime: Handle },
}

impl Input {
    pub(super) fn local(path: &FsPath, bytes: u64) -> io::Result<Input> {
        Ok(Input(Arc::new(Place::Local { file: File::open(path)?, bytes })))
    }

    /// To be read on threads that may wait for `runtime`.
    pub(super) fn remote(store: Arc<dyn ObjectStore>, location: Path, bytes: u64, runtime: Handle) -> Input {
        Input(Arc::new(Place::Remote { store, location, bytes, runtime }))
    }
}

impl Length for Input {
    fn len(&self) -> u64 {
        match &*self.0 {
            Place::Local { bytes, .. } | Place::Remote { bytes, .. } => *bytes,
        }
    }
}

impl ChunkReader for Input {
    type T = BufReader<InputFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(InputFrom { input: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match &*self.0 {
            Place::Local { file, .. } => {
                let mut content = vec![0; length];
                file.read_exact_at(&mut content, start)?;
                Ok(content.into())
            }
            Place::Remote { store, location, runtime, .. } => {
                let range = start..start + length as u64;
                let read = runtime.block_on(store.get_range(location, range));
                let content = read.map_err(|error| ParquetError::External(Box::new(error)))?;
                // Stores answer a range that reaches beyond the end with what there is.
                if content.len() < length {
                    return Err(ParquetError::EOF(format!(
                        "the file ends before byte {}",
                        start + length as u64
                    )));
                }
                Ok(content)
            }
        }
    }
}

/// The bytes from a position on.
pub(super) struct InputFrom {
    input: Input,
    at: u64,
}

impl Read for InputFrom {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.input.len().saturating_sub(self.at);
        let length = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if length == 0 {
            return Ok(0);
        }
        let content = self.input.get_bytes(self.at, length).map_err(io::Error::other)?;
        into[..length].copy_from_slice(&content);
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use object_store::PutPayload;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_store_and_a_file_give_the_same_bytes() {
        let content: Vec<u8> = (0..100_u8).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, &content).unwrap();
        let store = Arc::new(InMemory::new());
        store.put(&Path::from("file"), PutPayload::from(content.clone())).await.unwrap();
        let local = Input::local(&path, 100).unwrap();
        let remote = Input::remote(store, Path::from("file"), 100, Handle::current());
        let read = move || {
            for input in [local, remote] {
                assert_eq!(input.len(), 100);
                assert_eq!(input.get_bytes(7, 20).unwrap(), content[7..27]);
                let mut rest = Vec::new();
                input.get_read(90).unwrap().read_to_end(&mut rest).unwrap();
                assert_eq!(rest, content[90..]);
                assert!(input.get_bytes(90, 20).is_err());
            }
        };
        tokio::task::spawn_blocking(read).await.unwrap();
    }
}
