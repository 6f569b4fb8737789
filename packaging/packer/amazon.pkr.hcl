# SPDX-License-Identifier: MIT
#
# What instances that build have in common; build.pkr.hcl has how they differ.

locals {
  time = formatdate("YYYYMMDD-hhmmss", timestamp())
}

source "amazon-ebs" "image" {
  region       = var.region
  ami_regions  = var.copy_to_regions
  ami_users    = var.share_with_accounts
  imds_support = "v2.0"

  ssh_interface           = var.ssh_interface
  temporary_key_pair_type = "ed25519"
  iam_instance_profile    = var.instance_profile
  subnet_id               = var.subnet_id

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  launch_block_device_mappings {
    device_name           = var.device
    volume_type           = "gp3"
    volume_size           = var.volume_size
    iops                  = 3000
    throughput            = 125
    delete_on_termination = true
  }

  tags = {
    Name            = var.image_name
    hadal           = "true"
    source_ami      = "{{ .SourceAMI }}"
    source_ami_name = "{{ .SourceAMIName }}"
  }
  run_tags = { Name = "${var.image_name} image build" }
}
