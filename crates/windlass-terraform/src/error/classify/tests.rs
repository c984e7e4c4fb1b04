//! Texts of the AWS provider 5.100 and of Terraform 1.11, each as it was reported.

use super::*;

fn of(summary: &str, address: Option<&str>) -> String {
    let address = address.map(str::to_owned);
    let diagnostic =
        Diagnostic { summary: summary.into(), detail: String::new(), address, place: None, variable: None };
    let error = classify(vec![diagnostic], "");
    format!("{error}")
}

#[track_caller]
fn check(summary: &str, expected: &str) {
    assert_eq!(of(summary, None), expected);
}

#[test]
fn codes_after_api_error() {
    let sts = "Retrieving AWS account details: validating provider credentials: retrieving caller identity from STS: \
               operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: r, api error ";
    check(
        &format!("{sts}ExpiredToken: The security token included in the request is expired"),
        "the AWS credentials have expired",
    );
    check(
        &format!("{sts}SignatureDoesNotMatch: Signature expired: x is now earlier than y"),
        "AWS does not accept the credentials (SignatureDoesNotMatch)",
    );
    check(
        "creating API Gateway v2 API (a): operation error ApiGatewayV2: CreateApi, https response error StatusCode: 403, \
         RequestID: , api error AccessDeniedException: User: arn:aws:iam::123456789012:user/a is not authorized to perform: \
         apigateway:POST on resource: x",
        "AWS denies apigateway:POST",
    );
    check(
        "creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, RequestID: r, api \
         error VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 0 allows",
        "a quota of the account is used up (VcpuLimitExceeded): You have requested more vCPU capacity than your current \
         vCPU limit of 0 allows",
    );
}

#[test]
fn codes_where_the_service_models_its_errors() {
    check(
        "creating S3 Bucket (taken): operation error S3: CreateBucket, https response error StatusCode: 409, RequestID: , \
         HostID: , BucketAlreadyExists: ",
        "the name is taken (BucketAlreadyExists): creating S3 Bucket (taken)",
    );
    check(
        "creating ECR Repository (taken): operation error ECR: CreateRepository, https response error StatusCode: 400, \
         RequestID: , RepositoryAlreadyExistsException: The repository with name taken already exists in the registry",
        "the name is taken (RepositoryAlreadyExistsException): The repository with name taken already exists in the registry",
    );
    check(
        "creating WAFv2 WebACL (w): operation error WAFV2: CreateWebACL, https response error StatusCode: 400, RequestID: , \
         WAFDuplicateItemException: AWS WAF couldn’t perform the operation because some resource in your request is a \
         duplicate of an existing one.",
        "the name is taken (WAFDuplicateItemException): AWS WAF couldn’t perform the operation because some resource in \
         your request is a duplicate of an existing one.",
    );
}

#[test]
fn a_conflict_is_a_taken_name_only_where_something_is_made() {
    let said =
        "https response error StatusCode: 409, RequestID: , ResourceConflictException: Function already exist: taken";
    let making = format!("creating Lambda Function (taken): operation error Lambda: CreateFunction, {said}");
    assert!(
        of(&making, Some("aws_lambda_function.f"))
            .starts_with("the name is taken (ResourceConflictException), for aws_l")
    );
    let changing = format!("updating Lambda Function (taken) code: operation error Lambda: UpdateFunctionCode, {said}");
    check(&changing, &changing);
}

#[test]
fn without_a_code_the_status_or_the_cause_decides() {
    check(
        "reading S3 Bucket (b): operation error S3: HeadBucket, https response error StatusCode: 403, RequestID: r, HostID: \
         h, api error Forbidden: Forbidden",
        "AWS denies what the stack needs",
    );
    check(
        "operation error STS: GetCallerIdentity, https response error StatusCode: 0, RequestID: , request send failed, Post \
         \"https://sts.eu-west-1.amazonaws.com/\": proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused",
        "AWS cannot be reached: Post \"https://sts.eu-west-1.amazonaws.com/\": proxyconnect tcp: dial tcp 127.0.0.1:1: \
         connect: connection refused",
    );
    check("invalid AWS Region: eu-nowhere-1", "the region is wrong: invalid AWS Region: eu-nowhere-1");
}

#[test]
fn a_message_that_quotes_a_code_does_not_have_it() {
    let quoting = "creating X: operation error EC2: CreateX, https response error StatusCode: 400, RequestID: r, api error \
                   InvalidParameterValue: ExpiredToken is no value of Name";
    check(quoting, quoting);
    check("the role AccessDenied does not exist", "the role AccessDenied does not exist");
}

#[test]
fn of_several_errors_the_one_with_a_kind_is_told_first() {
    let named = |summary: &str| Diagnostic {
        summary: summary.into(),
        detail: String::new(),
        address: None,
        place: None,
        variable: None,
    };
    let error = classify(vec![named("execution halted"), named("invalid AWS Region: x")], "");
    assert!(matches!(error.kind(), ErrorKind::WrongRegion { .. }));
    let order: Vec<_> = error.diagnostics().iter().map(|diagnostic| diagnostic.summary.as_str()).collect();
    assert_eq!(order, ["invalid AWS Region: x", "execution halted"]);
}

#[test]
fn every_code_is_in_the_table_once() {
    let mut codes: Vec<_> = CODES.iter().map(|(code, _)| *code).collect();
    let all = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all);
}
