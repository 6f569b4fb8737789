# SPDX-License-Identifier: MIT
#
# docs/ami.md tells how these are used. Values go into a file *.auto.pkrvars.hcl.

variable "region" {
  type        = string
  default     = "eu-west-1"
  description = "Region in which the image is built."
}

variable "copy_to_regions" {
  type        = list(string)
  default     = []
  description = "Regions into which it is copied."
}

variable "share_with_accounts" {
  type        = list(string)
  default     = []
  description = "Accounts that may start instances of it."
}

variable "image_name" {
  type        = string
  default     = "hadal"
  description = "What the image's name begins with; base, architecture and time follow."
}

variable "rpm_directory" {
  type        = string
  default     = "build/rpm"
  description = "Where make rpm left the packages, for Amazon Linux."
}

variable "deb_directory" {
  type        = string
  default     = "build/deb"
  description = "Where make deb left the packages, for Debian and Ubuntu."
}

variable "hold_kernel" {
  type        = bool
  default     = true
  description = "Keep upgrades from changing the kernel that the module was built for."
}

variable "prebuilt_module" {
  type        = bool
  default     = false
  description = "The module comes from archives that make module-archive made: nothing is built, and no compiler, headers and DKMS installed."
}

variable "module_directory" {
  type        = string
  default     = "build/module-archive"
  description = "Where make module-archive left them."
}

variable "remove_toolchain" {
  type        = bool
  default     = false
  description = "Leave no compiler, headers and DKMS in the image; the module is then for its kernel alone."
}

variable "ask_docker" {
  type        = bool
  default     = false
  description = "Let hadald ask Docker for names of containers. Who may do that is as good as root."
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Subnet of the instance that builds; empty: the default VPC's."
}

variable "ssh_interface" {
  type        = string
  default     = "public_ip"
  description = "How to reach it: public_ip, private_ip or session_manager, which takes an instance profile."
}

variable "instance_profile" {
  type        = string
  default     = ""
  description = "Instance profile of the instance that builds; none is needed but for session_manager."
}

variable "volume_size" {
  type        = number
  default     = 30
  description = "GiB of the root volume; the ECS-optimised image's own is 30."
}

# What is behind the newest ECS-optimised image of Amazon Linux 2023. For one of 6.12:
# al2023-ami-ecs-hvm-2023.0.*-kernel-6.12-.
variable "al2023_name" {
  type        = string
  default     = "al2023-ami-ecs-hvm-2023.0.*-kernel-6.1-"
  description = "Name of the ECS-optimised image up to its architecture; the newest that matches is taken."
}

variable "al2023_instance_type" {
  type = map(string)
  default = {
    x86_64 = "c7i.large"
    arm64  = "c7g.large"
  }
  description = "Instance types that build, by architecture."
}

variable "own_source_ami" {
  type        = string
  default     = "ami-00000000000000000"
  description = "An image of one's own, of Debian or Ubuntu."
}

variable "own_instance_type" {
  type        = string
  default     = "c7i.large"
  description = "Instance type that builds from it."
}

variable "own_ssh_username" {
  type        = string
  default     = "admin"
  description = "Who may log in there and use sudo: admin on Debian, ubuntu on Ubuntu."
}

variable "device" {
  type        = string
  default     = "/dev/xvda"
  description = "The root device, of Amazon Linux and Debian; /dev/sda1 on Ubuntu."
}

# Set by make check-image alone.
variable "check_directory" {
  type        = string
  default     = ""
  description = "Where make check-image has disk, kernel and key."
}

variable "check_accelerator" {
  type        = string
  default     = "tcg"
  description = "What QEMU takes after -accel: kvm where there is one."
}
