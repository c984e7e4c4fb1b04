mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "windlass"
}

run "repository" {
  assert {
    condition     = aws_ecr_repository.repository.image_tag_mutability == "IMMUTABLE"
    error_message = "a tag never moves"
  }

  assert {
    condition     = one(aws_ecr_repository.repository.image_scanning_configuration).scan_on_push
    error_message = "what is pushed is scanned"
  }

  assert {
    condition     = one(aws_ecr_repository.repository.encryption_configuration).encryption_type == "KMS"
    error_message = "images are encrypted under a key of the account"
  }

  assert {
    condition     = !aws_ecr_repository.repository.force_delete
    error_message = "images are not lost by accident"
  }

  assert {
    condition = {
      for rule in jsondecode(aws_ecr_lifecycle_policy.repository.policy).rules :
      rule.selection.tagStatus => "${rule.rulePriority} ${rule.selection.countType} ${rule.selection.countNumber} ${rule.action.type}"
      } == {
      untagged = "1 sinceImagePushed 14 expire"
      tagged   = "2 imageCountMoreThan 10 expire"
    }
    error_message = "ten releases stay, what no tag names goes"
  }
}

run "something_to_go_back_to" {
  command = plan

  variables {
    keep = 1
  }

  expect_failures = [var.keep]
}
