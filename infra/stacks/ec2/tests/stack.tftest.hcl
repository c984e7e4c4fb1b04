mock_provider "aws" {
  source = "../../tests/mocks"

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "ami-0123456789abcdef0" }
  }

  mock_resource "aws_cloudformation_stack" {
    defaults = { outputs = { Id = "lt-0123456789abcdef0", Version = "1" } }
  }

  mock_resource "aws_instance" {
    defaults = { id = "i-0123456789abcdef0", private_ip = "10.0.1.10", public_ip = "192.0.2.10" }
  }

  mock_resource "aws_eip" {
    defaults = { public_ip = "192.0.2.20" }
  }
}

variables {
  image   = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  name    = "windlass"
  region  = "eu-west-1"
  release = "abc1234"
}

run "private" {
  assert {
    condition     = output.endpoint == "http://127.0.0.1:8080" && strcontains(output.ssm_tunnel, "--target i-0123456789abcdef0 ") && strcontains(output.ssm_tunnel, "portNumber=8080")
    error_message = "nobody was let in: the way is a tunnel"
  }

  assert {
    condition     = toset(output.alarm_names) == toset([for short in ["cpu", "disk", "hardware", "memory", "unresponsive"] : "windlass-${short}"])
    error_message = "every alarm is told of"
  }

  assert {
    condition     = output.log_group == "/windlass/windlass" && output.parameter == "/windlass/windlass/release"
    error_message = "where it logs, where its release is named"
  }
}

run "for_those_who_are_named" {
  variables {
    allowed_cidrs = ["198.51.100.0/24"]
  }

  assert {
    condition     = output.endpoint == "http://192.0.2.10:8080"
    error_message = "at its public address"
  }
}

run "for_a_private_network" {
  variables {
    allowed_cidrs = ["10.1.0.0/16"]
  }

  assert {
    condition     = output.endpoint == "http://10.0.1.10:8080"
    error_message = "those who are named come by the private address, though there is a public one"
  }
}

run "within_a_network" {
  variables {
    allowed_cidrs = ["10.0.0.0/16"]
    public_ip     = false
  }

  assert {
    condition     = output.endpoint == "http://10.0.1.10:8080"
    error_message = "at its private one"
  }
}

run "an_address_that_stays" {
  variables {
    allowed_cidrs = ["198.51.100.0/24"]
    elastic_ip    = true
  }

  assert {
    condition     = output.endpoint == "http://192.0.2.20:8080" && output.public_ip == "192.0.2.20"
    error_message = "the machine's own address goes when it stops; this one does not"
  }
}

run "ssh_from_everywhere" {
  command = plan

  variables {
    ssh_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.ssh_cidrs]
}

run "plain_http_to_the_internet" {
  command = plan

  variables {
    allowed_cidrs = ["0.0.0.0/1"]
  }

  expect_failures = [var.allowed_cidrs]
}
