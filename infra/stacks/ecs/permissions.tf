# What each toolset may do in AWS. A toolset that is not named gets nothing; shell and fetch need nothing.

locals {
  _objects = var.toolsets.objects
  _sql     = var.toolsets.sql

  _permissions = merge(
    local._objects == null ? {} : {
      ObjectsList = {
        actions   = ["s3:ListBucket"]
        resources = local._objects.buckets
      }
      ObjectsRead = {
        actions   = ["s3:GetObject", "s3:GetObjectVersion"]
        resources = [for bucket in local._objects.buckets : "${bucket}/${local._objects.prefix}*"]
      }
    },
    local._objects == null ? {} : local._objects.write ? {
      ObjectsWrite = {
        actions   = ["s3:PutObject"]
        resources = [for bucket in local._objects.buckets : "${bucket}/${local._objects.prefix}*"]
      }
    } : {},
    local._sql == null ? {} : {
      SqlConnect = {
        actions   = ["rds-db:connect"]
        resources = local._sql.database_users
      }
    },
  )
}
