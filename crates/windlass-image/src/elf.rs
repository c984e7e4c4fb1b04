use std::{fs::File, path::Path};

use object::{
    Endianness,
    elf::{EM_AARCH64, EM_X86_64, ET_DYN, ET_EXEC, FileHeader64, PT_INTERP},
    read::{
        ReadCache,
        elf::{FileHeader as _, ProgramHeader as _},
    },
};

use crate::ImageError;

/// The processors images are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// AArch64.
    Arm64,
}

impl Architecture {
    /// As image configurations name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// What the program at `path` is for. A program that could not start in an image without a loader is refused.
    pub fn of(path: &Path) -> Result<Self, ImageError> {
        let file = File::open(path).map_err(ImageError::io("read the binary", path))?;
        let not_one = |why: &str| ImageError::NotAProgram { path: path.to_owned(), why: why.to_owned() };
        let data = &ReadCache::new(file);
        let header = FileHeader64::<Endianness>::parse(data).map_err(|error| not_one(&error.to_string()))?;
        let endian = header.endian().map_err(|error| not_one(&error.to_string()))?;
        if endian != Endianness::Little {
            return Err(not_one("it is for a big-endian processor"));
        }
        if !matches!(header.e_type(endian), ET_EXEC | ET_DYN) {
            return Err(not_one("it is an object file or a core dump"));
        }
        let programs = header.program_headers(endian, data).map_err(|error| not_one(&error.to_string()))?;
        if programs.is_empty() {
            return Err(not_one("nothing in it is loaded"));
        }
        if let Some(program) = programs.iter().find(|program| program.p_type(endian) == PT_INTERP) {
            // A library of the kind `.so` asks for no loader; it is refused when it is started, not here.
            let loader = program.interpreter(endian, data).ok().flatten().unwrap_or_default();
            return Err(ImageError::Dynamic {
                path: path.to_owned(),
                loader: String::from_utf8_lossy(loader).into_owned(),
            });
        }
        match header.e_machine(endian) {
            EM_X86_64 => Ok(Self::Amd64),
            EM_AARCH64 => Ok(Self::Arm64),
            machine => {
                Err(not_one(&format!("its processor, number {machine} in its header, is neither amd64 nor arm64")))
            }
        }
    }
}
