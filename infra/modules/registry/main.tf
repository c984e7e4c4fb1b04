# Where images are: one repository whose tags never move and whose old releases leave by themselves.

resource "aws_ecr_repository" "repository" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_delete

  image_scanning_configuration {
    scan_on_push = true
  }

  # Without a key this is the account's own `aws/ecr`, which costs nothing and needs no grant to pull.
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "repository" {
  repository = aws_ecr_repository.repository.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "what no tag names"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = var.keep_untagged_days
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "all but the newest releases"
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["*"]
          countType      = "imageCountMoreThan"
          countNumber    = var.keep
        }
        action = { type = "expire" }
      },
    ]
  })
}
