//! What a machine is, and in which order it can become one.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    sync::{Arc, atomic::Ordering},
};

use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;

use crate::{
    files::{open_drive, read_only},
    guest::Answering,
    say,
    shapes::{Action, ActionType, BackendType, BootSource, Drive, MachineConfig, SnapshotCreate, SnapshotLoad, Vsock},
    told::Told,
};

/// The longest command line of a kernel.
const COMMAND_LINE: usize = 2048;

const AFTER_BOOT: &str = "The requested operation is not supported after starting the microVM.";
const BEFORE_BOOT: &str = "The requested operation is not supported before starting the microVM.";

/// What is stored of a machine besides its memory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Stored {
    version: String,
    memory: u64,
    drives: Vec<(String, bool)>,
    socket: String,
}

#[derive(Debug)]
pub struct Machine {
    told: Told,
    stored: Stored,
    boot: Option<BootSource>,
    listener: Option<UnixListener>,
    /// Something was configured.
    begun: bool,
    running: Option<Arc<Answering>>,
    /// It cannot go on after what went wrong.
    pub over: bool,
}

/// Words for why not.
type Answer = Result<(), String>;

impl Machine {
    pub fn new(told: Told) -> Self {
        let stored = Stored { version: told.version.clone(), memory: 128 << 20, ..Stored::default() };
        Self { told, stored, boot: None, listener: None, begun: false, running: None, over: false }
    }

    pub fn state(&self) -> &'static str {
        match &self.running {
            None => "Not started",
            Some(answering) if answering.paused.load(Ordering::SeqCst) => "Paused",
            Some(_) => "Running",
        }
    }

    /// Something that comes before the start is configured.
    fn begin(&mut self) -> Answer {
        self.begun = true;
        if self.running.is_some() { Err(AFTER_BOOT.into()) } else { Ok(()) }
    }

    pub fn configure(&mut self, config: &MachineConfig) -> Answer {
        self.begin()?;
        if config.mem_size_mib == 0 {
            let what = "The memory size (MiB) is either 0, or not a multiple of the configured page size.";
            return Err(format!("Machine config error: {what}"));
        }
        if !(1..=32).contains(&config.vcpu_count) {
            return Err("Machine config error: The number of vCPUs must be greater than 0, less than 32".into());
        }
        self.stored.memory = (config.mem_size_mib as u64) << 20;
        Ok(())
    }

    pub fn boot_source(&mut self, source: BootSource) -> Answer {
        self.begin()?;
        for path in [Some(&source.kernel_image_path), source.initrd_path.as_ref()].into_iter().flatten() {
            read_only(path).map_err(|error| format!("Boot source error: {error}"))?;
        }
        let line = source.boot_args.as_deref().unwrap_or_default();
        if line.len() >= COMMAND_LINE || !line.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err("Boot source error: The kernel command line is invalid".into());
        }
        self.boot = Some(source);
        Ok(())
    }

    pub fn drive(&mut self, drive: &Drive) -> Answer {
        self.begin()?;
        let path = drive.path_on_host.as_ref().ok_or("Drive config error: no path")?;
        let only = drive.is_read_only.ok_or("Drive config error: is it read-only?")?;
        open_drive(path, only).map_err(|error| format!("Drive config error: {error}"))?;
        self.stored.drives.push((path.clone(), only));
        Ok(())
    }

    pub fn vsock(&mut self, vsock: &Vsock) -> Answer {
        self.begin()?;
        if vsock.guest_cid < 3 {
            return Err("Vsock config error: the number of the guest is taken".into());
        }
        self.listen(&vsock.uds_path)
    }

    pub fn entropy(&mut self) -> Answer {
        self.begin()
    }

    fn listen(&mut self, path: &str) -> Answer {
        let listener =
            UnixListener::bind(path).map_err(|error| format!("Cannot create backend for vsock device: {error}"))?;
        self.listener = Some(listener);
        self.stored.socket = path.to_owned();
        Ok(())
    }

    pub fn act(&mut self, action: &Action) -> Answer {
        match action.action_type {
            ActionType::InstanceStart if self.running.is_some() => Err(AFTER_BOOT.into()),
            ActionType::InstanceStart => self.start().map_err(|error| format!("Start microvm error: {error}")),
            _ if self.running.is_none() => Err(BEFORE_BOOT.into()),
            _ => Ok(()),
        }
    }

    fn start(&mut self) -> Answer {
        let boot = self.boot.as_ref().ok_or("Cannot start microvm without kernel configuration.")?;
        let mut magic = [0; 4];
        let kernel = File::open(&boot.kernel_image_path).and_then(|mut kernel| kernel.read_exact(&mut magic));
        if kernel.is_err() || magic != *b"\x7fELF" {
            return Err("Cannot load kernel due to invalid memory configuration or invalid kernel image".into());
        }
        // The machine's own arguments come before those of the first process.
        let line = boot.boot_args.as_deref().unwrap_or_default();
        let (kernel, guest) = line.split_once(" -- ").ok_or("the guest is told nothing")?;
        say(&format!("{kernel} pci=off virtio_mmio.device=4K@0xc0001000:5 -- {guest}"));
        let words: Vec<&str> = guest.split(' ').collect();
        let told = matches!(words[..], [.., "--init", "--processes", number, "--vsock", "52"] if number.parse::<u64>().is_ok());
        if !told || !kernel.split(' ').any(|word| word == "rdinit=/init") {
            return Err(format!("the guest would not start so: {line}"));
        }
        let [(_, true), (disk, false)] = &self.stored.drives[..] else {
            return Err("a root file system to read and a disk to write are expected".into());
        };
        let mut disk = File::open(disk).map_err(|error| error.to_string())?;
        let mut magic = [0; 2];
        let read = disk.seek(SeekFrom::Start(1080)).and_then(|_| disk.read_exact(&mut magic));
        if read.is_err() || magic != [0x53, 0xef] {
            return Err("the disk has no file system".into());
        }
        self.run("boot")
    }

    fn run(&mut self, how: &str) -> Answer {
        let listener = self.listener.take().ok_or("nothing leads to the guest")?;
        let silent = self.told.silent.as_deref() == Some(how);
        self.running = Some(Answering::start(listener, silent, self.told.early, self.told.noise)?);
        Ok(())
    }

    pub fn pause(&self) -> Answer {
        self.running.as_ref().ok_or(BEFORE_BOOT)?.paused.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Firecracker takes it, and from then on nobody reaches the guest.
    pub fn resume(&self) -> Answer {
        self.running.as_ref().ok_or(BEFORE_BOOT)?;
        Err("a machine that was paused by itself must not be resumed".into())
    }

    pub fn store(&self, create: &SnapshotCreate) -> Answer {
        let running = self.running.as_ref().ok_or(BEFORE_BOOT)?;
        if !running.paused.load(Ordering::SeqCst) {
            return Err("Create snapshot error: Cannot save the microVM state: the microVM is not paused".into());
        }
        if running.connections.load(Ordering::SeqCst) > 0 {
            return Err("somebody is still connected to the guest".into());
        }
        let storing = || -> std::io::Result<()> {
            fs::write(&create.snapshot_path, serde_json::to_vec(&self.stored)?)?;
            let memory = OpenOptions::new().write(true).create(true).truncate(false).open(&create.mem_file_path)?;
            memory.set_len(self.stored.memory)
        };
        storing().map_err(|error| format!("Create snapshot error: {error}"))
    }

    pub fn load(&mut self, load: &SnapshotLoad) -> Answer {
        if self.running.is_some() {
            return Err(AFTER_BOOT.into());
        }
        let error = |why: String| format!("Load snapshot error: {why}");
        if self.begun {
            return Err(error(
                "Loading a microVM snapshot not allowed after configuring boot-specific resources.".into(),
            ));
        }
        let loaded = self.restore(load);
        self.over = loaded.is_err();
        loaded.map_err(error)
    }

    fn restore(&mut self, load: &SnapshotLoad) -> Answer {
        let words = |error: std::io::Error| error.to_string();
        read_only(&load.snapshot_path)?;
        self.stored = serde_json::from_slice(&fs::read(&load.snapshot_path).map_err(words)?)
            .map_err(|error| error.to_string())?;
        if self.stored.version != self.told.version {
            return Err("Invalid snapshot version".into());
        }
        let memory = match (&load.mem_backend, &load.mem_file_path) {
            (Some(backend), None) if matches!(backend.backend_type, BackendType::File) => &backend.backend_path,
            _ => return Err("the memory has to be a file".into()),
        };
        read_only(memory)?;
        if fs::metadata(memory).map_err(words)?.len() < self.stored.memory {
            return Err("Failed to restore guest memory: the file is too short".into());
        }
        for (path, only) in self.stored.drives.clone() {
            open_drive(&path, only)?;
        }
        let socket = load.vsock_override.as_ref().map_or(self.stored.socket.clone(), |other| other.uds_path.clone());
        self.listen(&socket)?;
        self.run("load")?;
        if !load.resume_vm { self.pause() } else { Ok(()) }
    }
}
