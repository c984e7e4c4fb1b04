use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use windlass_image::{Credentials, ImageFile, ImageSpec, Layout, Progress, Registry, RegistryOptions, Source, build};
use windlass_testkit::registry::TestRegistry;

pub const CREATED: u64 = 1_760_000_000;

/// A static program that ends at once, with success: a header, one segment, and
/// `mov eax, 60; xor edi, edi; syscall`.
pub fn tiny_program() -> Vec<u8> {
    const CODE: [u8; 9] = [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
    const START: u64 = 0x40_0000;
    let size = (120 + CODE.len()) as u64;
    let mut elf = Vec::from(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    elf.extend([2_u16, 62].iter().flat_map(|field| field.to_le_bytes()));
    elf.extend(1_u32.to_le_bytes());
    elf.extend([START + 120, 64, 0].iter().flat_map(|field| field.to_le_bytes()));
    elf.extend(0_u32.to_le_bytes());
    elf.extend([64_u16, 56, 1, 64, 0, 0].iter().flat_map(|field| field.to_le_bytes()));
    elf.extend([1_u32, 5].iter().flat_map(|field| field.to_le_bytes()));
    elf.extend([0, START, START, size, size, 0x1000].iter().flat_map(|field| field.to_le_bytes()));
    elf.extend(CODE);
    elf
}

/// Writes a program there.
pub fn program(at: &Path) -> PathBuf {
    let path = at.join("windlass");
    fs::write(&path, tiny_program()).unwrap();
    path
}

pub fn file(path: &str, bytes: &str) -> ImageFile {
    ImageFile { path: path.into(), mode: 0o644, source: Source::Bytes(bytes.into()) }
}

/// A specification with something of everything.
pub fn spec(binary: &Path, version: &str) -> ImageSpec {
    ImageSpec {
        files: vec![
            file("windlass.yaml", "server: {}\n"),
            file("policies/a.cedar", "permit(principal, action, resource);\n"),
        ],
        environment: BTreeMap::from([("WINDLASS_LISTEN".into(), "0.0.0.0:8080".into())]),
        ..ImageSpec::new(binary, version, CREATED)
    }
}

/// An image of `version`, at `at/image-VERSION`.
pub fn image(at: &Path, version: &str) -> Layout {
    let binary = program(at);
    build(&spec(&binary, version), &at.join(format!("image-{version}"))).unwrap().layout
}

/// A client for `registry`, with its password.
pub fn client(registry: &TestRegistry) -> Registry {
    Registry::new(options(registry)).unwrap()
}

pub fn options(registry: &TestRegistry) -> RegistryOptions {
    RegistryOptions {
        host: registry.host.clone(),
        repository: "team/windlass".into(),
        credentials: basic(&registry.username, &registry.password),
        ca: registry.ca.clone(),
        plain_http: registry.ca.is_none(),
    }
}

pub fn basic(username: &str, password: &str) -> Credentials {
    Credentials::Basic { username: username.into(), password: password.to_owned().into() }
}

pub fn silent(_: Progress) {}
