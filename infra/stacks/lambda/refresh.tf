# The search index, kept fresh. Nothing of it exists until `refresh_schedule` says when.

module "refresh" {
  source = "../../modules/refresh"
  count  = var.refresh_schedule == null ? 0 : 1

  architecture  = var.architecture
  environment   = local._environment
  image         = var.image
  kms_key_arn   = var.kms_key_arn
  log_group     = local._refresh_log_group
  log_group_arn = module.observability.log_group_arns[local._refresh_log_group]
  memory        = var.refresh_memory
  name          = var.name
  package       = var.package
  package_hash  = var.package_hash
  policies      = concat([module.store.refresh_policy], data.aws_iam_policy_document.embedder[*].json)
  release       = var.release
  schedule      = var.refresh_schedule
  secrets       = var.secrets
  sources       = var.refresh_sources
}

# A question is turned into a vector by the model that made those of the documents, so both functions ask it.
data "aws_iam_policy_document" "embedder" {
  count = length(var.embedding_models) == 0 ? 0 : 1

  statement {
    sid       = "Embedder"
    actions   = ["bedrock:InvokeModel"]
    resources = sort(var.embedding_models)
  }
}
