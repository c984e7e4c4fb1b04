//! A yard that deploys to this machine, through a registry.

use windlass_testkit::{free_port, registry::TestRegistry};

use super::yard::Yard;

pub struct Here {
    pub yard: Yard,
    pub registry: TestRegistry,
    pub port: u16,
}

impl Here {
    pub fn new(test: &str) -> Option<Self> {
        let mut yard = Yard::new(test)?;
        let registry = TestRegistry::secure(test)?;
        yard.set("REGISTRY_PASSWORD", &registry.password);
        let here = Self { yard, registry, port: free_port().unwrap() };
        here.configure("");
        here.yard.commit("first");
        Some(here)
    }

    /// With `more` in the section `deploy`.
    pub fn configure(&self, more: &str) {
        let registry = &self.registry;
        let ca = registry.ca.as_ref().unwrap();
        self.yard.configure(&format!(
            "  registry:\n    host: {}\n    username: {}\n    password: env:REGISTRY_PASSWORD\n    ca: {ca:?}\n  \
             local: {{ port: {}, engine: podman }}\n{more}",
            registry.host, registry.username, self.port,
        ));
    }
}
