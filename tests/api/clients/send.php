<?php
/*
 * Sends calls as programs in PHP do, with its curl extension, and prints what came back as JSON.
 *
 * Standard input: {"keep": bool, "calls": [{"method", "url", "headers": [..], "user": "user:key" or null, "body": text or null,
 * "gzip": bool}]}. With "keep" all calls go through one handle, and so over one connection.
 */
$job = json_decode(stream_get_contents(STDIN), true);
$kept = curl_init();
$answers = [];
foreach ($job['calls'] as $call) {
    $handle = $job['keep'] ? $kept : curl_init();
    curl_reset($handle);
    $headers = [];
    curl_setopt($handle, CURLOPT_URL, $call['url']);
    curl_setopt($handle, CURLOPT_HTTPHEADER, $call['headers']);
    curl_setopt($handle, CURLOPT_TIMEOUT, 60);
    curl_setopt($handle, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($handle, CURLOPT_HEADERFUNCTION, function ($handle, $line) use (&$headers) {
        $parts = explode(':', $line, 2);
        if (count($parts) === 2) {
            $headers[strtolower(trim($parts[0]))] = trim($parts[1]);
        }
        return strlen($line);
    });
    if ($call['user'] !== null) {
        curl_setopt($handle, CURLOPT_USERPWD, $call['user']);
    }
    if ($call['gzip']) {
        curl_setopt($handle, CURLOPT_ENCODING, '');
    }
    if ($call['body'] !== null) {
        curl_setopt($handle, CURLOPT_POST, true);
        curl_setopt($handle, CURLOPT_POSTFIELDS, $call['body']);
    }
    $body = curl_exec($handle);
    if ($body === false) {
        fwrite(STDERR, curl_error($handle));
        exit(1);
    }
    $answers[] = [
        'status' => curl_getinfo($handle, CURLINFO_HTTP_CODE),
        'headers' => (object) $headers,
        'body' => $body,
        'connections' => curl_getinfo($handle, CURLINFO_NUM_CONNECTS),
    ];
}
echo json_encode($answers);
