# A machine with KVM (or without) that runs one container: the release its parameter names.
#
# The machine and the release have lives of their own. The machine is set up once, by user data; which image runs it
# reads from a parameter, every half minute. So a release or a rollback takes seconds and needs no new machine, which of
# a bare-metal type takes ten minutes.

locals {
  _metal = can(regex("\\.metal", var.instance_type))

  # Intel's eighth generation: the types whose virtual machines may have virtual machines.
  _nests = can(regex("^[cmr]8i(-flex)?\\.", var.instance_type))

  _nested = var.kvm && !local._metal

  # Where the image comes from, if that is ECR: account, region, repository.
  _ecr = try(regex("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.amazonaws\\.com/([a-z0-9._/-]+)@", var.image), null)
}

data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null ? 1 : 0

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"
}

# What a new machine is needed for, beside what EC2 itself says: it overlooks that a machine is no longer a spot one.
resource "terraform_data" "kind" {
  input = { ami = var.ami_id, spot = var.spot }
}

resource "aws_instance" "host" {
  #checkov:skip=CKV_AWS_126:the status checks come by the minute anyhow, and five are soon enough for the rest
  ami           = coalesce(var.ami_id, one(data.aws_ssm_parameter.ami[*].insecure_value))
  instance_type = var.instance_type
  subnet_id     = var.subnet_id
  # A way out, at a tenth of a NAT gateway's price; the security group lets nobody in who is not named.
  associate_public_ip_address = var.public_ip
  vpc_security_group_ids      = [aws_security_group.host.id]
  iam_instance_profile        = aws_iam_instance_profile.host.name
  key_name                    = var.ssh_key_name
  ebs_optimized               = true

  user_data                   = local._user_data
  user_data_replace_on_change = true

  # With tokens, and one hop: no container gets to the role's credentials through the bridge it is behind.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.volume_size
    encrypted             = true
    kms_key_id            = var.kms_key_arn
    delete_on_termination = true

    tags = { Name = var.name }
  }

  # Persistent, so that a machine that was stopped, by AWS or by its owner, can start again. One-time requests refuse to
  # be stopped at all.
  dynamic "instance_market_options" {
    for_each = var.spot ? [1] : []

    content {
      market_type = "spot"

      spot_options {
        spot_instance_type             = "persistent"
        instance_interruption_behavior = "stop"
        max_price                      = var.spot_max_price
      }
    }
  }

  dynamic "launch_template" {
    for_each = aws_cloudformation_stack.nested

    content {
      id      = launch_template.value.outputs["Id"]
      version = launch_template.value.outputs["Version"]
    }
  }

  tags = { Name = var.name }

  lifecycle {
    # A newer image of the operating system is no reason to lose the machine; `taint` it to have one.
    ignore_changes       = [ami]
    replace_triggered_by = [terraform_data.kind]

    precondition {
      condition     = !var.kvm || local._metal || local._nests
      error_message = "kvm needs a machine that has it: a metal type (c5.metal), or one of c8i, m8i, r8i and their flex kinds, which nest. ${var.instance_type} is neither; choose another type or set kvm = false."
    }

    precondition {
      condition     = !local._nested || var.architecture == "x86_64"
      error_message = "Only Intel's types nest virtual machines: with arm64, kvm needs a metal type."
    }

    precondition {
      condition     = length(var.ssh_cidrs) == 0 || var.ssh_key_name != null
      error_message = "ssh_cidrs lets SSH in, and without ssh_key_name nobody could log in by it."
    }

    # EC2 counts what it is sent, which is this in base64, against 16 KB before encoding.
    precondition {
      condition     = length(local._user_data) < 16384
      error_message = "The user data is longer than the 16 KB that EC2 takes."
    }
  }

  depends_on = [aws_iam_role_policy.host, aws_ssm_parameter.release]
}

# The option that lets an ordinary machine nest others is younger than the provider's oldest version that this works
# with, so a template that says nothing else comes from CloudFormation; what stands above adds to it.
resource "aws_cloudformation_stack" "nested" {
  #checkov:skip=CKV_AWS_124:it makes one template and is waited for; there are no events to follow
  count = local._nested ? 1 : 0

  name = "${var.name}-nested"

  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "Lets the machine of ${var.name} run virtual machines"
    Resources = {
      Template = {
        Type = "AWS::EC2::LaunchTemplate"
        Properties = {
          LaunchTemplateName = "${var.name}-nested"
          LaunchTemplateData = {
            CpuOptions      = { NestedVirtualization = "enabled" }
            MetadataOptions = { HttpTokens = "required", HttpPutResponseHopLimit = 1 }
          }
        }
      }
    }
    Outputs = {
      Id      = { Value = { Ref = "Template" } }
      Version = { Value = { "Fn::GetAtt" = ["Template", "LatestVersionNumber"] } }
    }
  })
}

resource "aws_ec2_instance_state" "host" {
  instance_id = aws_instance.host.id
  state       = var.running ? "running" : "stopped"
}

resource "aws_eip" "host" {
  count = var.elastic_ip ? 1 : 0

  domain   = "vpc"
  instance = aws_instance.host.id

  tags = { Name = var.name }
}
