// SPDX-License-Identifier: MIT
//
// A list of tests, run in order, each with a limit that only ends what hangs.
const tests = [];
const LIMIT_MS = 120000;

export function test(name, body) {
	tests.push({ name, body });
}

function limited(promise) {
	let timer;
	const limit = new Promise((_, failed) => {
		timer = setTimeout(() => failed(new Error(`not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
	});
	return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Runs all tests, or those whose name holds a word of @words; closes with N passed, N failed. */
export async function runTests(words = []) {
	let passed = 0, failed = 0;
	for (const { name, body } of tests.filter((one) => !words.length || words.some((word) => one.name.includes(word)))) {
		const cleanups = [];
		try {
			await limited(body({ after: (cleanup) => cleanups.unshift(cleanup) }));
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
