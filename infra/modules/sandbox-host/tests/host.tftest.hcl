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

  mock_resource "aws_ssm_parameter" {
    defaults = { arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/windlass/windlass/release" }
  }

  mock_resource "aws_instance" {
    defaults = { id = "i-0123456789abcdef0", private_ip = "10.0.1.10", public_ip = "192.0.2.10" }
  }
}

variables {
  image         = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  log_group     = "/windlass/windlass"
  log_group_arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/windlass/windlass"
  name          = "windlass"
  region        = "eu-west-1"
  release       = "abc1234"
  secrets       = { WINDLASS_AUTH_TOKEN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/WINDLASS_AUTH_TOKEN-AbCdEf" }
  subnet_id     = "subnet-1"
  topic_arn     = "arn:aws:sns:eu-west-1:123456789012:windlass-alarms"
  vpc_id        = "vpc-1"

  rootfs = {
    "debian.ext4" = {
      url    = "s3://images/debian-devbox.ext4"
      sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    }
  }
}

run "as_designed" {
  assert {
    condition = (
      aws_instance.host.metadata_options[0].http_tokens == "required"
      && aws_instance.host.metadata_options[0].http_put_response_hop_limit == 1
    )
    error_message = "a container could ask for the machine's credentials"
  }

  assert {
    condition = (
      aws_instance.host.root_block_device[0].encrypted && aws_instance.host.root_block_device[0].volume_type == "gp3"
      && aws_instance.host.root_block_device[0].volume_size == 50
    )
    error_message = "50 GB of encrypted gp3"
  }

  # A one-time request cannot be stopped, which is how the seed's instance was to be.
  assert {
    condition = (
      aws_instance.host.instance_market_options[0].spot_options[0].spot_instance_type == "persistent"
      && aws_instance.host.instance_market_options[0].spot_options[0].instance_interruption_behavior == "stop"
    )
    error_message = "a spot machine can be stopped and started"
  }

  assert {
    condition     = aws_ec2_instance_state.host.state == "running"
    error_message = "it runs"
  }
}

run "nobody_gets_in" {
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0 && length(aws_vpc_security_group_ingress_rule.service) == 0
    error_message = "nobody was named"
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.release.value).bind == "127.0.0.1"
    error_message = "then the port is not open on the network at all"
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.out : rule.from_port] == [443]
    error_message = "out goes HTTPS"
  }
}

run "who_is_named_does" {
  variables {
    allowed_cidrs = ["10.0.0.0/16"]
    ssh_cidrs     = ["192.0.2.0/24"]
    ssh_key_name  = "mine"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.service["10.0.0.0/16"].from_port == 8080 && aws_vpc_security_group_ingress_rule.service["10.0.0.0/16"].to_port == 8080
    error_message = "to the service alone"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh["192.0.2.0/24"].from_port == 22 && aws_vpc_security_group_ingress_rule.ssh["192.0.2.0/24"].to_port == 22
    error_message = "to SSH alone"
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.release.value).bind == "0.0.0.0"
    error_message = "and the port is open"
  }
}

run "ssh_from_everywhere" {
  command = plan

  variables {
    ssh_cidrs    = ["0.0.0.0/0"]
    ssh_key_name = "mine"
  }

  expect_failures = [var.ssh_cidrs]
}

run "ssh_from_two_halves_of_everywhere" {
  command = plan

  variables {
    ssh_cidrs    = ["0.0.0.0/1", "128.0.0.0/1"]
    ssh_key_name = "mine"
  }

  expect_failures = [var.ssh_cidrs]
}

run "ssh_from_all_of_ipv6" {
  command = plan

  variables {
    ssh_cidrs    = ["::/0"]
    ssh_key_name = "mine"
  }

  expect_failures = [var.ssh_cidrs]
}

run "ssh_without_a_key" {
  command = plan

  variables {
    ssh_cidrs = ["192.0.2.0/24"]
  }

  expect_failures = [aws_instance.host]
}

run "plain_http_to_the_internet" {
  command = plan

  variables {
    allowed_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.allowed_cidrs]
}

run "virtual_machines_on_an_ordinary_one" {
  assert {
    condition     = jsondecode(aws_cloudformation_stack.nested[0].template_body).Resources.Template.Properties.LaunchTemplateData.CpuOptions.NestedVirtualization == "enabled"
    error_message = "the template switches nesting on"
  }

  assert {
    condition     = aws_instance.host.launch_template[0].id == "lt-0123456789abcdef0"
    error_message = "and the machine is made from it"
  }

  assert {
    condition     = strcontains(output.user_data, "MODE=\"0660\"") && !strcontains(output.user_data, "666")
    error_message = "/dev/kvm is for its group, not for everybody"
  }
}

run "virtual_machines_on_metal" {
  variables {
    instance_type = "c5.metal"
  }

  assert {
    condition     = length(aws_cloudformation_stack.nested) == 0 && length(aws_instance.host.launch_template) == 0
    error_message = "metal has KVM by itself"
  }
}

run "virtual_machines_nowhere" {
  command = plan

  variables {
    instance_type = "c7i.large"
  }

  expect_failures = [aws_instance.host]
}

run "virtual_machines_on_arm" {
  command = plan

  variables {
    architecture = "arm64"
  }

  expect_failures = [aws_instance.host]
}

run "no_virtual_machines" {
  variables {
    instance_type = "t3.small"
    kvm           = false
    spot          = false
  }

  assert {
    condition     = length(aws_cloudformation_stack.nested) == 0 && !strcontains(output.user_data, "udev") && strcontains(output.user_data, "KVM=0")
    error_message = "no device, no nesting"
  }

  assert {
    condition     = length(aws_instance.host.instance_market_options) == 0 && !strcontains(output.user_data, "windlass-spot")
    error_message = "and on demand nobody waits for an interruption"
  }

  assert {
    condition     = contains(aws_cloudwatch_metric_alarm.hardware.alarm_actions, "arn:aws:automate:eu-west-1:ec2:recover")
    error_message = "AWS moves it when its hardware fails"
  }
}

run "the_role_is_narrow" {
  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.host.statement : statement.resources if anytrue([for action in statement.actions : startswith(action, "s3:")])])) == toset(["arn:aws:s3:::images/debian-devbox.ext4"])
    error_message = "it reads exactly the objects that are named"
  }

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.host.statement : statement.resources if contains(statement.actions, "secretsmanager:GetSecretValue")])) == toset(["arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/WINDLASS_AUTH_TOKEN-AbCdEf"])
    error_message = "and exactly its secrets"
  }

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.host.statement : statement.resources if contains(statement.actions, "ecr:BatchGetImage")])) == toset(["arn:aws:ecr:eu-west-1:123456789012:repository/windlass"])
    error_message = "it pulls from this repository"
  }

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.host.statement : statement.resources if contains(statement.actions, "ssm:GetParameter")])) == toset(["arn:aws:ssm:eu-west-1:123456789012:parameter/windlass/windlass/release"])
    error_message = "and reads one parameter"
  }

  assert {
    condition = toset(flatten([for statement in data.aws_iam_policy_document.host.statement : statement.actions if contains(statement.resources, "*")])) == toset([
      "cloudwatch:PutMetricData",
      "ecr:GetAuthorizationToken",
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ])
    error_message = "only what knows no resources goes without one"
  }
}

run "the_release_tells_no_secret" {
  assert {
    condition     = jsondecode(aws_ssm_parameter.release.value).secrets["WINDLASS_AUTH_TOKEN"] == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/WINDLASS_AUTH_TOKEN-AbCdEf"
    error_message = "the parameter names the secret"
  }

  assert {
    condition     = !strcontains(output.user_data, "arn:aws:secretsmanager") && !strcontains(output.user_data, var.image)
    error_message = "the machine's set-up knows neither secrets nor a release: a release needs no new machine"
  }
}

run "user_data_fits" {
  assert {
    condition     = length(output.user_data) < 14000 && startswith(output.user_data, "#!/bin/bash\n") && strcontains(output.user_data, "\nset -euo pipefail\n")
    error_message = "EC2 takes 16 KB"
  }
}

run "stopped" {
  variables {
    running = false
  }

  assert {
    condition     = aws_ec2_instance_state.host.state == "stopped"
    error_message = "stop is an apply"
  }
}

run "a_tag_is_no_release" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass:latest"
  }

  expect_failures = [var.image]
}

run "one_object_is_no_pattern" {
  command = plan

  variables {
    rootfs = {
      all = {
        url    = "s3://images/*"
        sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      }
    }
  }

  expect_failures = [var.rootfs]
}

run "a_name_is_no_path" {
  command = plan

  variables {
    rootfs = {
      "../../etc/cron.d/x" = {
        url    = "s3://images/x"
        sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      }
    }
  }

  expect_failures = [var.rootfs]
}

run "a_line_is_one_variable" {
  command = plan

  variables {
    environment = { WINDLASS_X = "1\nWINDLASS_Y=2" }
  }

  expect_failures = [var.environment]
}
