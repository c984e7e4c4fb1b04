//! Every kind of failure from what the real program and the real provider say, and what its reader is told.

use windlass_terraform::{Error, ErrorKind, Sources, Variables, Work};
use windlass_testkit::aws::{Asked, FakeAws, ec2_error, identity, json_error, query_error, s3_error};

use crate::support::Bench;

const NETWORK: &str = r#"
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_vpc" "this" { cidr_block = "10.0.0.0/16" }
"#;

async fn applied(bench: &Bench, configuration: &str) -> Error {
    let workspace = bench.workspace("work", Sources::single(configuration));
    workspace.init().await.unwrap();
    workspace.apply(Work::Variables(&Variables::new()), &mut |_| {}).await.unwrap_err()
}

fn told(error: &Error) -> String {
    format!("{error}\n  {}", error.hint())
}

/// What a refusal by STS is reported as. `None` where there is no Terraform.
async fn sts(code: &'static str, message: &'static str) -> Option<Error> {
    let aws = FakeAws::start(move |_| Some(query_error(403, code, message))).await.unwrap();
    let bench = Bench::with(&aws.environment()).await?;
    Some(applied(&bench, NETWORK).await)
}

/// The same for EC2, STS having no objection.
async fn ec2(code: &'static str, message: &'static str) -> Option<Error> {
    let aws =
        FakeAws::start(move |asked| Some(if asked.service == "sts" { identity() } else { ec2_error(code, message) }))
            .await
            .unwrap();
    let bench = Bench::with(&aws.environment()).await?;
    Some(applied(&bench, NETWORK).await)
}

#[tokio::test]
async fn an_expired_token() {
    let said = "The security token included in the request is expired";
    let Some(error) = sts("ExpiredToken", said).await else { return };
    assert_eq!(error.kind(), &ErrorKind::ExpiredToken);
    insta::assert_snapshot!(told(&error), @"
    the AWS credentials have expired
      sign in again (`aws sso login`), then run the same command; it continues
    ");
}

#[tokio::test]
async fn credentials_aws_does_not_know() {
    let said = "The security token included in the request is invalid.";
    let Some(error) = sts("InvalidClientTokenId", said).await else { return };
    insta::assert_snapshot!(told(&error), @"
    AWS does not accept the credentials (InvalidClientTokenId)
      check with `aws sts get-caller-identity`; temporary keys need AWS_SESSION_TOKEN as well
    ");
}

#[tokio::test]
async fn an_action_that_is_not_allowed_is_named() {
    let said = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/a is not authorized \
                to perform: ec2:CreateVpc on resource: arn:aws:ec2:eu-west-1:123456789012:vpc/* because no identity-based \
                policy allows the ec2:CreateVpc action. Encoded authorization failure message: abc";
    let Some(error) = ec2("UnauthorizedOperation", said).await else { return };
    assert_eq!(error.kind(), &ErrorKind::AccessDenied { action: Some("ec2:CreateVpc".into()) });
    assert_eq!(error.diagnostics()[0].address.as_deref(), Some("aws_vpc.this"));
    insta::assert_snapshot!(told(&error), @"
    AWS denies ec2:CreateVpc
      allow ec2:CreateVpc to the role that deploys, or use another AWS_PROFILE
    ");
}

#[tokio::test]
async fn a_quota_that_is_used_up() {
    let Some(error) = ec2("VpcLimitExceeded", "The maximum number of VPCs has been reached.").await else { return };
    insta::assert_snapshot!(told(&error), @"
    a quota of the account is used up (VpcLimitExceeded): The maximum number of VPCs has been reached.
      ask for more under Service Quotas, or remove what is not used; then run the same command, it continues
    ");
}

#[tokio::test]
async fn a_region_that_is_not_enabled() {
    let Some(error) = ec2("OptInRequired", "You are not subscribed to this service.").await else { return };
    insta::assert_snapshot!(told(&error), @"
    the region is wrong: You are not subscribed to this service.
      set the region to one that is enabled for the account, and where the state bucket is
    ");
}

#[tokio::test]
async fn a_region_that_does_not_exist() {
    let aws = FakeAws::start(|_| Some(identity())).await.unwrap();
    let Some(bench) = Bench::with(&aws.environment()).await else { return };
    let error = applied(&bench, &NETWORK.replace("eu-west-1", "eu-nowhere-1")).await;
    insta::assert_snapshot!(told(&error), @"
    the region is wrong: invalid AWS Region: eu-nowhere-1
      set the region to one that is enabled for the account, and where the state bucket is
    ");
}

#[tokio::test]
async fn what_no_table_knows_is_told_in_terraforms_words() {
    let Some(error) = ec2("InvalidVpcRange", "The CIDR '10.0.0.0/16' is invalid.").await else { return };
    insta::assert_snapshot!(told(&error), @"
    creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: r, api error InvalidVpcRange: The CIDR '10.0.0.0/16' is invalid.
      the log in the working directory has all that Terraform said
    ");
}

#[tokio::test]
async fn no_credentials() {
    let Some(bench) = Bench::new().await else { return };
    let error = applied(&bench, NETWORK).await;
    assert_eq!(error.kind(), &ErrorKind::NoCredentials);
    insta::assert_snapshot!(told(&error), @"
    there are no AWS credentials
      run `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    ");
}

#[tokio::test]
async fn no_network() {
    let closed = windlass_testkit::free_port().unwrap();
    let mut environment = FakeAws::start(|_| None).await.unwrap().environment();
    environment[0].1 = format!("http://127.0.0.1:{closed}");
    let Some(bench) = Bench::with(&environment).await else { return };
    let error = applied(&bench, NETWORK).await;
    assert!(matches!(error.kind(), ErrorKind::Unreachable { .. }), "{error:?}");
    let said = told(&error).replace(&closed.to_string(), "PORT");
    insta::assert_snapshot!(said, @r#"
    AWS cannot be reached: Post "http://127.0.0.1:PORT/": dial tcp 127.0.0.1:PORT: connect: connection refused
      check the network, HTTPS_PROXY and AWS_ENDPOINT_URL
    "#);
}

#[tokio::test]
async fn no_provider_in_the_mirror_nor_from_the_registry() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap().to_owned();
    let Some(bench) = Bench::with(&[("WINDLASS_TERRAFORM_MIRROR".into(), empty.clone())]).await else { return };
    assert!(bench.terraform.notices().iter().any(|notice| notice.starts_with("WINDLASS_TERRAFORM_MIRROR: ")));
    let error = bench.workspace("work", Sources::single(NETWORK)).init().await.unwrap_err();
    let said = told(&error).replace(&empty, "MIRROR");
    insta::assert_snapshot!(said, @"
    the provider cannot be installed: Failed to query available provider packages
    Could not retrieve the list of available versions for provider hashicorp/aws:
    provider registry.terraform.io/hashicorp/aws was not found in any of the
    search locations
    - MIRROR
      the registry must be reachable, or WINDLASS_TERRAFORM_MIRROR name a directory made by `terraform providers mirror`
    ");

    // Somebody wrote down that providers come from the registry, which a dead proxy is in the way of.
    let configuration = folder.path().join("terraformrc");
    std::fs::write(&configuration, "provider_installation {\n  direct {}\n}\n").unwrap();
    let environment = [
        ("WINDLASS_TERRAFORM_MIRROR", ""),
        ("TF_CLI_CONFIG_FILE", configuration.to_str().unwrap()),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("https_proxy", "http://127.0.0.1:1"),
        ("TF_REGISTRY_DISCOVERY_RETRY", "0"),
        ("TF_PLUGIN_CACHE_DIR", folder.path().to_str().unwrap()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let Some(bench) = Bench::with(&environment).await else { return };
    assert_eq!(bench.terraform.mirror(), None);
    let error = bench.workspace("work", Sources::single(NETWORK)).init().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ProviderUnavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_that_is_taken_whichever_service_says_so() {
    let answer = |asked: &Asked| {
        Some(match asked.service.as_str() {
            "ecr" => json_error("RepositoryAlreadyExistsException", "The repository with name taken already exists"),
            "elasticloadbalancing" => {
                query_error(400, "DuplicateLoadBalancerName", "A load balancer with the same name exists")
            }
            "iam" => query_error(409, "EntityAlreadyExists", "Role with name taken already exists."),
            "logs" => json_error("ResourceAlreadyExistsException", "The specified log group already exists"),
            "s3" if asked.method == "HEAD" => (404, String::new()),
            "s3" => s3_error(409, "BucketAlreadyExists", "The requested bucket name is not available."),
            "secretsmanager" => json_error("ResourceExistsException", "The secret taken already exists."),
            "sts" => identity(),
            _ if asked.body.contains("CreateSecurityGroup") => {
                ec2_error("InvalidGroup.Duplicate", "The security group taken already exists for VPC vpc-1")
            }
            _ => query_error(400, "Unexpected", &asked.service),
        })
    };
    let aws = FakeAws::start(answer).await.unwrap();
    let Some(bench) = Bench::with(&aws.environment()).await else { return };
    let all = [
        ("aws_cloudwatch_log_group", r#"name = "taken""#),
        ("aws_ecr_repository", r#"name = "taken""#),
        ("aws_iam_role", "name = \"taken\"\n  assume_role_policy = \"{}\""),
        ("aws_lb", "name = \"taken\"\n  subnets = [\"subnet-1\", \"subnet-2\"]"),
        ("aws_s3_bucket", r#"bucket = "taken""#),
        ("aws_secretsmanager_secret", r#"name = "taken""#),
        ("aws_security_group", "name = \"taken\"\n  vpc_id = \"vpc-1\""),
    ];
    let resource = |(kind, body): &(&str, &str)| format!("resource \"{kind}\" \"this\" {{\n  {body}\n}}\n");
    let (before, _) = NETWORK.split_once("resource").unwrap();
    let configuration = format!("{before}{}", all.iter().map(resource).collect::<String>());
    let error = applied(&bench, &configuration).await;
    // Each is judged as if it had been the only one.
    let mut kinds: Vec<String> = error
        .diagnostics()
        .iter()
        .map(|found| found.kind().map_or_else(|| format!("{found:?}"), |kind| kind.to_string()))
        .collect();
    kinds.sort();
    insta::assert_snapshot!(kinds.join("\n"), @"
    the name is taken (BucketAlreadyExists), for aws_s3_bucket.this: creating S3 Bucket (taken)
    the name is taken (DuplicateLoadBalancerName), for aws_lb.this: A load balancer with the same name exists
    the name is taken (EntityAlreadyExists), for aws_iam_role.this: Role with name taken already exists.
    the name is taken (InvalidGroup.Duplicate), for aws_security_group.this: The security group taken already exists for VPC vpc-1
    the name is taken (RepositoryAlreadyExistsException), for aws_ecr_repository.this: The repository with name taken already exists
    the name is taken (ResourceAlreadyExistsException), for aws_cloudwatch_log_group.this: The specified log group already exists
    the name is taken (ResourceExistsException), for aws_secretsmanager_secret.this: The secret taken already exists.
    ");
    assert!(error.hint().starts_with("choose another name"), "{}", error.hint());
}
