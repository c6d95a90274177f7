import t from 'tap';
t.test('empty', async () => {});
