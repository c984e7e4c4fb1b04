//! What bubblewrap and qemu are told.

use std::{io, path::Path};

use super::{Accelerator, Hypervisor, KVM};
use crate::{
    backend::Spec,
    jail::{SEALED, Told},
    vm::PORT,
};

/// Descriptors that qemu finds open.
pub(super) mod fd {
    pub const GUEST: i32 = 3;
    pub const QMP: i32 = 4;
    pub const MEMORY: i32 = 5;
    pub const KERNEL: i32 = 6;
    pub const INITRD: i32 = 7;
    pub const ROOT: i32 = 8;
    pub const DISK: i32 = 9;
    /// Only where the disk is a layer.
    pub const LAYER: i32 = 10;
    /// Only where the machine is a copy.
    pub const STATE: i32 = 11;
}

/// Whether a machine is the first of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It boots, and its memory and disk are written for the others.
    Template,
    /// It goes on where the template stopped.
    Copy,
}

pub(super) fn arguments(
    hypervisor: &Hypervisor,
    guest_args: &[String],
    spec: &Spec,
    kind: Kind,
) -> io::Result<Vec<String>> {
    let mut told = Told::default();
    told.flags(SEALED);
    told.flags("--uid 1000 --gid 1000 --hostname qemu --size 4194304 --tmpfs /");
    told.programs()?;
    told.flags("--proc /proc --dev /dev");
    if hypervisor.accelerator == Accelerator::Kvm {
        told.add(["--dev-bind", KVM, KVM]);
    }
    // Terminals are counted for the whole machine.
    told.flags("--size 4096 --tmpfs /dev/pts --remount-ro /dev/pts --size 4096 --tmpfs /dev/shm --chdir / --");
    told.add([&*hypervisor.program.to_string_lossy()]);
    machine(&mut told, hypervisor, guest_args, spec, kind);
    Ok(told.0)
}

fn machine(told: &mut Told, hypervisor: &Hypervisor, guest_args: &[String], spec: &Spec, kind: Kind) {
    let copy = kind == Kind::Copy;
    told.flags("-name sandbox -nodefaults -no-user-config -display none -no-reboot");
    // After the start qemu neither starts programs nor gains privileges.
    told.flags("-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    match hypervisor.accelerator {
        Accelerator::Kvm => told.flags("-accel kvm -cpu host"),
        Accelerator::Tcg => told.flags("-accel tcg,tb-size=64 -cpu max"),
    }
    told.flags("-machine q35,memory-backend=memory,usb=off,vmport=off");
    told.add(["-smp", &spec.vcpus.to_string(), "-m", &format!("{}B", spec.memory)]);
    let share = if copy { "off" } else { "on" };
    let memory =
        format!("memory-backend-file,id=memory,size={}B,mem-path={},share={share}", spec.memory, file(fd::MEMORY));
    told.add(["-object", &memory]);
    told.add(["-kernel", &file(fd::KERNEL), "-initrd", &file(fd::INITRD), "-append", &command_line(guest_args, spec)]);
    // Copies are told apart by a number that the kernel mixes into its randomness.
    told.flags("-device vmgenid,guid=auto -chardev stdio,id=console,signal=off -serial chardev:console");
    told.flags("-device virtio-serial-pci");
    told.add(["-chardev", &format!("socket,id=guest,fd={}", fd::GUEST)]);
    told.add(["-device", &format!("virtserialport,chardev=guest,name={PORT}")]);
    told.add(["-chardev", &format!("socket,id=qmp,fd={}", fd::QMP), "-mon", "chardev=qmp,mode=control"]);
    drive(told, "root", fd::ROOT, true);
    drive(told, "disk", fd::DISK, copy);
    let mut disk = "disk";
    if copy {
        drive(told, "layer", fd::LAYER, false);
        told.add(["-blockdev", "driver=qcow2,node-name=top,file=layer,backing=disk,discard=unmap"]);
        disk = "top";
    }
    told.add(["-device", "virtio-blk-pci,drive=root", "-device", &format!("virtio-blk-pci,drive={disk}")]);
    if copy {
        told.flags("-incoming defer");
    }
}

/// A disk that is the descriptor `number`.
fn drive(told: &mut Told, name: &str, number: i32, read_only: bool) {
    told.add(["-add-fd", &format!("fd={number},set={number}")]);
    let only = if read_only { "on" } else { "off" };
    let drive = format!("driver=file,node-name={name},filename=/dev/fdset/{number},read-only={only},locking=off");
    told.add(["-blockdev", &drive]);
}

fn file(number: i32) -> String {
    Path::new("/proc/self/fd").join(number.to_string()).to_string_lossy().into_owned()
}

/// The command line of the kernel. What is behind the dashes is for the guest.
fn command_line(guest_args: &[String], spec: &Spec) -> String {
    let kernel = "console=ttyS0 quiet panic=-1 reboot=t rdinit=/init random.trust_cpu=on --";
    let mut words = vec![kernel.to_owned()];
    words.extend(guest_args.iter().cloned());
    words.push(format!("--init --processes {} --port {PORT}", spec.processes));
    words.join(" ")
}
