// SPDX-License-Identifier: GPL-2.0-only
/* From 6.3 on; before, vm_flags are the driver's to write. */
#include <linux/mm.h>

static void __maybe_unused probe(struct vm_area_struct *vma)
{
	vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYWRITE);
}
