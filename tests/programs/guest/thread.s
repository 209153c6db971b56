/*
 * Threads that fill their registers, stop in a given way, and store what they go on with.
 *
 *	x0, x1	what to load: Z, P and FFR as in sve_state; FPSR and FPCR, 32 bits each
 *	x2, x3	where to store the same
 *	x4	a signal
 */
	.arch_extension sve
	.text

/* Z, P, FPSR and FPCR. */
load:
	rdvl	x9, #1
	add	x10, x0, x9, lsl #5
	.irp	r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	ldr	p\r, [x10, #\r, mul vl]
	.endr
	.irp	r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	ldr	z\r, [x0, #\r, mul vl]
	.endr
	.irp	r, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ldr	z\r, [x0, #\r, mul vl]
	.endr
	ldp	w9, w10, [x1]
	msr	fpsr, x9
	msr	fpcr, x10
	ret

/* FFR by way of P0, so it comes first. */
load_ffr:
	rdvl	x9, #1
	add	x10, x0, x9, lsl #5
	ldr	p0, [x10, #16, mul vl]
	wrffr	p0.b
	ret

store:
	rdvl	x9, #1
	add	x10, x2, x9, lsl #5
	.irp	r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	str	p\r, [x10, #\r, mul vl]
	.endr
	.irp	r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	str	z\r, [x2, #\r, mul vl]
	.endr
	.irp	r, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	str	z\r, [x2, #\r, mul vl]
	.endr
	mrs	x9, fpsr
	mrs	x10, fpcr
	stp	w9, w10, [x3]
	msr	fpcr, xzr
	ret

/* Comes last, as it takes P0. */
store_ffr:
	rdvl	x9, #1
	add	x10, x2, x9, lsl #5
	rdffr	p0.b
	str	p0, [x10, #16, mul vl]
	ret

/* The return address, and what a function keeps of the vector registers. */
enter:
	stp	x29, x11, [sp, #-80]!
	stp	d8, d9, [sp, #16]
	stp	d10, d11, [sp, #32]
	stp	d12, d13, [sp, #48]
	stp	d14, d15, [sp, #64]
	ret

leave:
	ldp	d14, d15, [sp, #64]
	ldp	d12, d13, [sp, #48]
	ldp	d10, d11, [sp, #32]
	ldp	d8, d9, [sp, #16]
	ldp	x29, x30, [sp], #80
	ret

/* By an exception that is no system call, which leaves all registers in use. */
	.globl	thread_brk
thread_brk:
	mov	x11, x30
	bl	enter
	bl	load_ffr
	bl	load
	brk	#0
	bl	store
	bl	store_ffr
	b	leave

	.globl	thread_udf
thread_udf:
	mov	x11, x30
	bl	enter
	bl	load_ffr
	bl	load
	udf	#0
	bl	store
	bl	store_ffr
	b	leave

/* By a system call, kill(getpid(), x4). */
	.globl	thread_kill
thread_kill:
	mov	x11, x30
	bl	enter
	bl	load_ffr
	bl	load
	mov	x8, #172
	svc	#0
	mov	x1, x4
	mov	x8, #129
	svc	#0
	bl	store
	bl	store_ffr
	b	leave

/* In streaming mode, which has FFR if x4 says so (FEAT_SME_FA64). */
	.globl	thread_streaming
thread_streaming:
	mov	x11, x30
	bl	enter
	.inst	0xd503437f	/* smstart sm */
	cbz	x4, 1f
	bl	load_ffr
1:	bl	load
	brk	#0
	bl	store
	cbz	x4, 2f
	bl	store_ffr
2:	.inst	0xd503427f	/* smstop sm */
	b	leave
