// SPDX-License-Identifier: MIT
//
// A list of tests, run in order, each with a limit that only ends what hangs.
const tests = [];
const LIMIT_MS = 600000;

export function test(name, body, limitMs = LIMIT_MS) {
	tests.push({ name, body, limitMs });
}

function limited(promise, limitMs) {
	let timer;
	const limit = new Promise((_, failed) => {
		timer = setTimeout(() => failed(new Error(`not done after ${limitMs / 1000} s`)), limitMs);
	});
	return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Runs all tests, or those whose name holds a word of @words; closes with N passed, N failed. */
export async function runTests(words = []) {
	let passed = 0, failed = 0;
	for (const { name, body, limitMs } of tests.filter((one) => !words.length || words.some((word) => one.name.includes(word)))) {
		const cleanups = [];
		try {
			await limited(body({ after: (cleanup) => cleanups.unshift(cleanup) }), limitMs);
			console.log(`ok      ${name}`);
			passed++;
		} catch (error) {
			console.log(`FAILED  ${name}\n${error.stack ?? error}`);
			failed++;
		}
		for (const cleanup of cleanups)
			await cleanup();
	}
	console.log(`${passed} passed, ${failed} failed`);
	return failed === 0 && passed > 0;
}
