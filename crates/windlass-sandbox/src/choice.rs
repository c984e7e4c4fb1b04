//! Which backend it is to be.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use windlass_config::settings::{BackendKind, IsolationDemand, SandboxesSettings};
use windlass_core::chain;

use crate::{
    backend::{Backend, BackendError, Spec},
    egress::Egress,
    firecracker::{Firecracker, Programs},
    image,
    jail::Jail,
    namespace::Namespaces,
    program::Program,
    qemu::{Accelerator, Qemu},
    vm::{Parts, needs_libraries},
};

/// The program of the crate windlass-guest.
const SMALL: &str = "windlass-guest";

/// What the backends are made of.
pub(crate) struct Choice<'a> {
    pub settings: &'a SandboxesSettings,
    /// Where relative paths count from.
    pub base: &'a Path,
    pub program: Program,
    pub egress: Option<Arc<Egress>>,
    /// The size that most sandboxes will have.
    pub first: Spec,
}

impl Choice<'_> {
    /// The backend that the settings name, or the strongest that works here.
    pub async fn open(&self) -> Result<Arc<dyn Backend>, BackendError> {
        let settings = self.settings;
        let vm_demanded = settings.isolation == IsolationDemand::Vm;
        if settings.backend == BackendKind::Namespace && vm_demanded {
            return Err(BackendError::Missing {
                what:
                    "sandboxes of the backend `namespace` share this machine's kernel, and `sandbox.isolation` demands \
                       one of their own"
                        .into(),
                hint: "set `sandbox.backend: auto`, or `sandbox.isolation: any`".into(),
            });
        }
        let jail = Jail::open(settings.directory.as_ref().map(|path| self.base.join(path)), self.launcher()).await?;
        match settings.backend {
            BackendKind::Namespace => self.namespaces(jail).await,
            BackendKind::Qemu => self.qemu(jail).await,
            BackendKind::Firecracker => self.firecracker(jail).await,
            BackendKind::Auto => {
                match self.firecracker_where_it_runs(jail.clone()).await {
                    Ok(backend) => return Ok(backend),
                    Err(error) => self.passed_over("no Firecracker here", &error),
                }
                match self.qemu(jail.clone()).await {
                    Ok(backend) => return Ok(backend),
                    Err(error) if vm_demanded => return Err(error),
                    Err(error) => {
                        self.passed_over("no virtual machines here, so sandboxes share this machine's kernel", &error);
                    }
                }
                self.namespaces(jail).await
            }
        }
    }

    /// Tells of a backend that does not work here. Whoever named parts of a machine expects one.
    fn passed_over(&self, what: &str, error: &BackendError) {
        let settings = self.settings;
        let named = [&settings.image, &settings.kernel, &settings.rootfs, &settings.firecracker];
        let why = chain(error);
        if named.into_iter().any(Option::is_some) {
            tracing::warn!("{what}: {why}");
        } else {
            tracing::debug!("{what}: {why}");
        }
    }

    async fn namespaces(&self, jail: Arc<Jail>) -> Result<Arc<dyn Backend>, BackendError> {
        let tree = self.image().map(|image| image.join("root")).filter(|tree| tree.is_dir());
        let root = self.settings.root.as_ref().map(|root| self.base.join(root)).or(tree);
        Ok(Arc::new(Namespaces::with(jail, root, self.egress.clone()).await?))
    }

    /// Where it cannot run, that is known at once: a machine that does not boot takes long to say so.
    async fn firecracker_where_it_runs(&self, jail: Arc<Jail>) -> Result<Arc<dyn Backend>, BackendError> {
        if Accelerator::detect() != Accelerator::Kvm {
            return Err(BackendError::Missing {
                what: "there is no KVM that runs whole systems".into(),
                hint: "run it on bare metal, or on a machine with nested virtualization".into(),
            });
        }
        self.firecracker(jail).await
    }

    async fn firecracker(&self, jail: Arc<Jail>) -> Result<Arc<dyn Backend>, BackendError> {
        let settings = self.settings;
        let named = |path: &Option<PathBuf>| path.as_ref().map(|path| self.base.join(path));
        let programs = Programs {
            firecracker_sha256: settings.firecracker_sha256.clone(),
            jailer_sha256: settings.jailer_sha256.clone(),
            ..Programs::find(named(&settings.firecracker), named(&settings.jailer))?
        };
        let mut parts = self.parts()?;
        // It starts kernels that are not packed.
        let unpacked = self.image().map(|image| image.join(image::VMLINUX)).filter(|kernel| kernel.is_file());
        if let (None, Some(unpacked)) = (&settings.kernel, unpacked) {
            parts.kernel = unpacked;
        }
        Ok(Arc::new(Firecracker::with(jail, &parts, &programs, &self.first, self.egress.clone()).await?))
    }

    async fn qemu(&self, jail: Arc<Jail>) -> Result<Arc<dyn Backend>, BackendError> {
        let parts = self.parts()?;
        let accelerator = Accelerator::detect();
        Ok(Arc::new(Qemu::with(jail, &parts, accelerator, &self.first, self.egress.clone()).await?))
    }

    /// The image that was named, or the one that was built where it is built when nothing is said.
    fn image(&self) -> Option<PathBuf> {
        let named = self.settings.image.as_ref().map(|image| self.base.join(image));
        named.or_else(|| image::Image::default_directory().filter(|image| image.is_dir()))
    }

    /// The parts of virtual machines, as far as their names go.
    fn parts(&self) -> Result<Parts, BackendError> {
        let settings = self.settings;
        let image = self.image();
        let part = |named: &Option<PathBuf>, what: &str, file: &str| {
            let built = || image.as_ref().map(|image| image.join(file));
            named.as_ref().map(|path| self.base.join(path)).or_else(built).ok_or_else(|| BackendError::Missing {
                what: format!("virtual machines need a {what}, and there is none"),
                hint: format!("make one with `windlass sandbox image build`, or set `sandbox.{what}`"),
            })
        };
        // A kernel of one's own has its own modules, or needs none.
        let modules = settings.kernel.is_none().then(|| image.as_ref().map(|image| image.join("modules"))).flatten();
        let kernel = part(&settings.kernel, "kernel", "vmlinuz")?;
        let rootfs = part(&settings.rootfs, "rootfs", "root.ext4")?;
        let (guest, guest_args) = self.guest()?;
        Ok(Parts { kernel, modules: modules.filter(|modules| modules.is_dir()), rootfs, guest, guest_args })
    }

    /// What launches sandboxes, and serves in those of namespaces: the small program if it is there, since windlass itself
    /// takes longer to start than all that is left of the way to a sandbox. One that comes with an image is not of this build.
    fn launcher(&self) -> Program {
        let named = self.settings.guest.as_ref().map(|guest| self.base.join(guest));
        let beside = || std::fs::canonicalize(&self.program.path).ok().map(|own| own.with_file_name(SMALL));
        let small = named.or_else(beside).filter(|program| needs_libraries(program).is_ok_and(|needs| !needs));
        small.map_or_else(|| self.program.clone(), |path| Program { path, args: Vec::new() })
    }

    /// The program inside virtual machines, and its first arguments.
    fn guest(&self) -> Result<(PathBuf, Vec<String>), BackendError> {
        if let Some(named) = &self.settings.guest {
            return Ok((self.base.join(named), Vec::new()));
        }
        let own = std::fs::canonicalize(&self.program.path).map_err(BackendError::io("finding this program"))?;
        let beside = own.with_file_name(SMALL);
        let itself = self.program.args.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let with_image = self.image().map(|image| (image.join(image::GUEST), Vec::new()));
        let mut found = [(beside, Vec::new()), (own, itself)].into_iter().chain(with_image);
        found.find(|(program, _)| needs_libraries(program).is_ok_and(|needs| !needs)).ok_or_else(|| {
            BackendError::Missing {
                what: "virtual machines need a guest without libraries, and this windlass is none".into(),
                hint: "put a static `windlass-guest` beside it (`make release` does), or set `sandbox.guest`".into(),
            }
        })
    }
}
