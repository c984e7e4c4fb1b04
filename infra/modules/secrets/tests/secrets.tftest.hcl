mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name  = "windlass"
  names = ["TOKEN", "DB_PASSWORD"]
}

run "one_for_each_variable" {
  assert {
    condition     = { for name, secret in aws_secretsmanager_secret.secret : name => secret.name } == { TOKEN = "windlass/TOKEN", DB_PASSWORD = "windlass/DB_PASSWORD" }
    error_message = "a secret is named after the deployment and the variable"
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.secret : secret.recovery_window_in_days == 7])
    error_message = "a destroyed secret can be had back for a week"
  }
}

run "no_way_into_another_deployment" {
  command = plan

  variables {
    names = ["../other/TOKEN"]
  }

  expect_failures = [var.names]
}

run "a_window_there_is" {
  command = plan

  variables {
    recovery_window = 3
  }

  expect_failures = [var.recovery_window]
}
