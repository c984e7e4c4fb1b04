# What the machine is to run. It holds names of secrets; the machine reads the secrets themselves.
resource "aws_ssm_parameter" "release" {
  #checkov:skip=CKV2_AWS_34:it holds nothing secret, and everybody who may look at the machine should see what it is to run
  name        = "/windlass/${var.name}/release"
  description = "The release that ${var.name} runs: the machine follows within half a minute"
  type        = "String"
  tier        = "Intelligent-Tiering"

  value = jsonencode({
    image       = var.image
    release     = var.release
    bind        = length(var.allowed_cidrs) == 0 ? "127.0.0.1" : "0.0.0.0"
    environment = var.environment
    secrets     = var.secrets
    rootfs      = var.rootfs
  })

  lifecycle {
    precondition {
      condition     = length(setintersection(keys(var.environment), keys(var.secrets))) == 0
      error_message = "A variable is in `environment` or in `secrets`, not in both: ${join(", ", setintersection(keys(var.environment), keys(var.secrets)))}."
    }
  }
}

locals {
  _user_data = templatefile("${path.module}/files/user-data.sh.tftpl", {
    agent   = jsonencode(local._agent)
    spot    = var.spot
    kvm     = var.kvm
    release = file("${path.module}/files/windlass-release")
    run     = file("${path.module}/files/windlass-run")
    notice  = file("${path.module}/files/windlass-spot")
    settings = join("\n", [
      "NAME=${var.name}",
      "REGION=${var.region}",
      "PARAMETER=${aws_ssm_parameter.release.name}",
      "REGISTRY=${local._ecr == null ? "" : split("/", var.image)[0]}",
      "PORT=${var.port}",
      "KVM=${var.kvm ? 1 : 0}",
    ])
  })

  # The agent takes lines from the file that the service appends to, so that they arrive as they were written.
  _agent = {
    agent = { metrics_collection_interval = 60, region = var.region }
    logs = {
      logs_collected = { files = { collect_list = [
        for file, stream in {
          "/var/log/windlass/windlass.log" = "windlass"
          "/var/log/cloud-init-output.log" = "set-up"
        } : { file_path = file, log_group_name = var.log_group, log_stream_name = "{instance_id}/${stream}" }
      ] } }
    }
    metrics = {
      namespace              = "Windlass"
      append_dimensions      = { InstanceId = "$${aws:InstanceId}" }
      aggregation_dimensions = [["InstanceId", "path"], ["InstanceId"]]
      metrics_collected = {
        disk = { measurement = ["used_percent"], resources = ["/"], drop_device = true }
        mem  = { measurement = ["used_percent"] }
      }
    }
  }
}
