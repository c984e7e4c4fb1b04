# Containers for secrets, one per environment variable. Their values never pass through Terraform, so that no state, plan
# or log holds one: `windlass deploy` puts them in.

resource "aws_secretsmanager_secret" "secret" {
  #checkov:skip=CKV2_AWS_57:these are keys and passwords of other systems; who issued them rotates them, and a deploy puts the new one in
  #checkov:skip=CKV_AWS_149:Secrets Manager encrypts with the account's own key; kms_key_arn takes another
  for_each = var.names

  name                    = "${var.name}/${each.key}"
  description             = "${each.key} of ${var.name}"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window
}
