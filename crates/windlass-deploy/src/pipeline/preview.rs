//! What a deploy would change in the account.

use std::time::Duration;

use super::{Pipeline, finish};
use crate::{
    Changes, DeployError, Phase,
    phases::{Built, Pushed},
};

impl Pipeline {
    /// What a deploy of this version would change at the target; `None` where that is nothing but the release, and what
    /// keeps it from being said otherwise. Makes nothing, and needs no right to change anything.
    pub async fn preview(&self) -> Result<Option<Changes>, DeployError> {
        // The working directory is one: a deploy from this checkout may be using it.
        let lock = self.lock_here("plan", Duration::ZERO).await?;
        finish(self.foresee().await, vec![lock]).await
    }

    async fn foresee(&self) -> Result<Option<Changes>, DeployError> {
        let place = self.place().await?;
        if !place.target.found(false, &*self.progress).await? {
            return Ok(None);
        }
        let output = |phase| self.receipts.read(phase);
        let built = output(Phase::Build)?.map(|receipt| receipt.output::<Built>()).transpose()?;
        let pushed = output(Phase::Push)?.map(|receipt| receipt.output::<Pushed>()).transpose()?;
        let live = place.ledger.read().await?.live().cloned();
        // Before it is pushed, the image's digest is known, and the live release says where images lie.
        let image = match (&pushed, &built, &live) {
            (Some(pushed), ..) => Some(pushed.image.clone()),
            (None, Some(built), Some(live)) => {
                Some(format!("{}@{}", live.image.split('@').next().unwrap_or_default(), built.image))
            }
            (None, _, live) => live.as_ref().map(|live| live.image.clone()),
        };
        let package = built.map(|built| built.package).or_else(|| live.map(|live| live.package));
        let (Some(image), Some(package)) = (image, package) else { return Ok(None) };
        let release = self.release(&Pushed { image, package });
        place.target.preview(&release, &self.artifacts()).await
    }
}
