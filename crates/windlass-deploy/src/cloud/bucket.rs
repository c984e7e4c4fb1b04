//! The deployment's bucket: the lock, the list of releases, Terraform's state, and zips of releases.

use std::path::Path;

use async_trait::async_trait;
use aws_sdk_s3::{Client, primitives::ByteStream};

use super::{Cloud, aws_error, code_of};
use crate::{
    DeployError,
    shelf::{Mark, Only, Shelf},
};

/// Objects below one prefix of it.
#[derive(Clone)]
pub(crate) struct Bucket {
    client: Client,
    pub name: String,
    prefix: String,
    /// Whose it has to be: anybody may have made one of this name.
    account: String,
}

impl Bucket {
    pub fn new(cloud: &Cloud, name: &str, prefix: &str) -> Self {
        Self { client: cloud.s3(), name: name.to_owned(), prefix: prefix.to_owned(), account: cloud.account.clone() }
    }

    /// The key of an object.
    pub fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// Whether it is there, and ours.
    pub async fn exists(&self) -> Result<bool, DeployError> {
        match self.client.head_bucket().bucket(&self.name).expected_bucket_owner(&self.account).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(false),
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 404) => Ok(false),
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 403) => {
                Err(DeployError::new(
                    crate::Kind::Failed,
                    format!("the bucket {} is somebody else's, or closed to these credentials", self.name),
                )
                .hint("choose another name with deploy.state_bucket, or the AWS profile that made it"))
            }
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 301) => {
                Err(DeployError::new(crate::Kind::Usage, format!("the bucket {} is in another region", self.name))
                    .hint("set deploy.region to where it is, or choose another name with deploy.state_bucket"))
            }
            Err(error) => Err(aws_error(&format!("looking for the bucket {}", self.name), &error)),
        }
    }

    /// Puts a file there.
    pub async fn upload(&self, name: &str, file: &Path) -> Result<(), DeployError> {
        let body = ByteStream::from_path(file).await;
        let body = body.map_err(|error| DeployError::file("the file", file, &std::io::Error::other(error)))?;
        let put = self
            .client
            .put_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .key(self.key(name))
            .body(body)
            .send()
            .await;
        put.map(drop).map_err(|error| aws_error(&format!("writing to the bucket {}", self.name), &error))
    }

    /// Gets a file from there; `false` when there is none.
    pub async fn download(&self, name: &str, file: &Path) -> Result<bool, DeployError> {
        let Some(bytes) = self.bytes(name).await?.map(|(bytes, _)| bytes) else { return Ok(false) };
        crate::shelf::write_whole(file, &bytes).map_err(|error| DeployError::file("the file", file, &error))?;
        Ok(true)
    }

    async fn bytes(&self, name: &str) -> Result<Option<(Vec<u8>, Mark)>, DeployError> {
        let got = self
            .client
            .get_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .key(self.key(name))
            .send()
            .await;
        let reading = format!("reading {name} from the bucket {}", self.name);
        match got {
            Ok(object) => {
                let mark = Mark(object.e_tag().unwrap_or_default().to_owned());
                let bytes = object.body.collect().await.map_err(|error| {
                    DeployError::new(crate::Kind::Failed, reading).hint("try again").detail(error.to_string())
                })?;
                Ok(Some((bytes.to_vec(), mark)))
            }
            Err(error) if matches!(code_of(&error), Some("NoSuchKey" | "NoSuchBucket")) => Ok(None),
            Err(error) => Err(aws_error(&reading, &error)),
        }
    }
}

#[async_trait]
impl Shelf for Bucket {
    async fn get(&self, name: &str) -> Result<Option<(String, Mark)>, DeployError> {
        Ok(self.bytes(name).await?.map(|(bytes, mark)| (String::from_utf8_lossy(&bytes).into_owned(), mark)))
    }

    async fn put(&self, name: &str, text: &str, only: Only) -> Result<Option<Mark>, DeployError> {
        let put = self.client.put_object().bucket(&self.name).expected_bucket_owner(&self.account).key(self.key(name));
        let put = put.content_type("application/json").body(ByteStream::from(text.as_bytes().to_vec()));
        let put = match only {
            Only::IfAbsent => put.if_none_match("*"),
            Only::IfSame(mark) => put.if_match(mark.0),
        };
        match put.send().await {
            Ok(answer) => Ok(Some(Mark(answer.e_tag().unwrap_or_default().to_owned()))),
            // The second is what S3 says when two conditional writes meet.
            Err(error)
                if matches!(
                    code_of(&error),
                    Some("PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey")
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(aws_error(&format!("writing {name} to the bucket {}", self.name), &error)),
        }
    }

    async fn remove(&self, name: &str) -> Result<(), DeployError> {
        match self
            .client
            .delete_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .key(self.key(name))
            .send()
            .await
        {
            Err(error) if code_of(&error) == Some("NoSuchBucket") => Ok(()),
            Err(error) => Err(aws_error(&format!("removing {name} from the bucket {}", self.name), &error)),
            Ok(_) => Ok(()),
        }
    }

    fn place(&self) -> String {
        format!("s3://{}/{}", self.name, self.prefix)
    }
}
